// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Holds the float of one operator and pays many recipients in one transaction. Only the
/// operator can move anything, and only by these functions; who deploys it does not matter.
contract Vault {
    /// The one account that may call pay and withdraw.
    address public immutable operator;
    /// The ids of the batches that were paid. An id works once, for ever.
    mapping(bytes32 => bool) public done;

    /// A payout of a batch was not made; the others were. reason is what the token or the
    /// recipient said when it gave up, cut after 160 bytes.
    event Failed(bytes32 indexed batch, uint256 place, bytes reason);

    error NotOperator();
    error BatchDone();
    error NoToken();
    error LowGas();
    error NotMoved();

    constructor(address operator_) {
        if (operator_ == address(0)) revert NotOperator();
        operator = operator_;
    }

    receive() external payable {}

    modifier onlyOperator() {
        if (msg.sender != operator) revert NotOperator();
        _;
    }

    /// Pays a list in the native coin (token 0) or in a token. A payout is one word: the
    /// recipient in the upper 160 bits, the amount in the lower 96. gasEach is the most that
    /// the call of one payout may use: it comes from the caller, since the price of
    /// instructions changes from fork to fork. refused has one bit for each payout that was
    /// not made, the lowest of the first word for the first.
    function pay(bytes32 batch, address token, uint256 gasEach, uint256[] calldata payouts)
        external
        onlyOperator
        returns (uint256[] memory refused)
    {
        if (done[batch]) revert BatchDone();
        done[batch] = true;
        if (token != address(0) && token.code.length == 0) revert NoToken();
        refused = new uint256[]((payouts.length + 255) / 256);
        // With less than this, the call would get less than gasEach (63/64 rule), and a low
        // gas limit would look like a recipient's fault.
        uint256 enough = gasEach + gasEach / 16;
        uint256 buffer;
        assembly {
            buffer := mload(0x40)
            // What is passed to a token: transfer(address,uint256).
            mstore(buffer, shl(224, 0xa9059cbb))
            mstore(0x40, add(buffer, 256))
        }
        for (uint256 n = 0; n < payouts.length; ) {
            bool ok;
            if (gasleft() < enough) revert LowGas();
            assembly {
                let payout := calldataload(add(payouts.offset, shl(5, n)))
                switch token
                case 0 {
                    ok := call(gasEach, shr(96, payout), and(payout, 0xffffffffffffffffffffffff), 0, 0, 0, 0)
                }
                default {
                    mstore(add(buffer, 4), shr(96, payout))
                    mstore(add(buffer, 36), and(payout, 0xffffffffffffffffffffffff))
                    // Some tokens return nothing, some false: nothing and anything but zero are success.
                    ok := call(gasEach, token, 0, buffer, 68, 0, 32)
                    if and(ok, gt(returndatasize(), 0)) {
                        ok := and(gt(returndatasize(), 31), gt(mload(0), 0))
                    }
                }
            }
            if (!ok) {
                _failed(batch, n, gasEach);
                refused[n >> 8] |= 1 << (n & 255);
            }
            unchecked {
                ++n;
            }
        }
    }

    /// Tells of a payout that was not made. What is left of the gas shows whether the call
    /// had all of gasEach: if not, the whole batch is undone.
    function _failed(bytes32 batch, uint256 place, uint256 gasEach) private {
        if (gasleft() < gasEach / 63) revert LowGas();
        bytes32 topic = Failed.selector;
        assembly {
            // A stranger may return megabytes: no more than 160 bytes are copied.
            let size := returndatasize()
            if gt(size, 160) { size := 160 }
            let log := mload(0x40)
            mstore(log, place)
            mstore(add(log, 32), 64)
            mstore(add(log, 64), size)
            mstore(add(log, 224), 0)
            returndatacopy(add(log, 96), 0, size)
            mstore(add(add(log, 96), size), 0)
            log2(log, add(96, and(add(size, 31), not(31))), topic, batch)
        }
    }

    /// Moves float back to the operator: the native coin (token 0) or a token.
    function withdraw(address token, uint256 amount) external onlyOperator {
        bool ok;
        bytes memory answer;
        if (token == address(0)) {
            (ok, ) = operator.call{value: amount}("");
        } else {
            if (token.code.length == 0) revert NoToken();
            (ok, answer) = token.call(abi.encodeWithSelector(0xa9059cbb, operator, amount));
            ok = ok && (answer.length == 0 || abi.decode(answer, (bool)));
        }
        if (!ok) revert NotMoved();
    }
}
