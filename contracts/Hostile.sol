// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IVault {
    function pay(bytes32 batch, address token, uint256 gasEach, uint256[] calldata payouts) external returns (uint256[] memory);
    function withdraw(address token, uint256 amount) external;
}

/// A recipient of the native coin that does what it can against who pays it.
contract Hostile {
    enum Mode {
        Takes, // behaves
        Reverts,
        Burns, // uses all gas it is given
        Reenters, // tries to be paid twice, and to empty the vault; then takes the coin
        Bombs // reverts with very much data
    }

    Mode public mode;
    /// How often an attack on the vault succeeded.
    uint256 public stolen;

    constructor(Mode mode_) {
        mode = mode_;
    }

    receive() external payable {
        if (mode == Mode.Reverts) revert("no, thank you");
        if (mode == Mode.Burns) while (true) {}
        if (mode == Mode.Bombs) {
            assembly {
                revert(0, 50000)
            }
        }
        if (mode == Mode.Reenters) {
            uint256[] memory again = new uint256[](1);
            again[0] = (uint256(uint160(address(this))) << 96) | msg.value;
            try IVault(msg.sender).pay(bytes32(uint256(1)), address(0), 50000, again) {
                ++stolen;
            } catch {}
            try IVault(msg.sender).withdraw(address(0), msg.value) {
                ++stolen;
            } catch {}
        }
    }
}
