// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A plain ERC-20 whose owner can make it misbehave between two blocks, in the ways
/// that real tokens do. Mode 0 is an ordinary token with a bool result.
contract Moody {
    enum Mode {
        Plain, // moves, logs, returns true
        ReturnsFalse, // moves nothing, returns false, does not revert
        Silent, // moves nothing, logs nothing, returns true
        CustomError, // reverts with an error of its own
        TakesCut // moves and logs one unit less than asked
    }

    string public name;
    string public symbol;
    uint8 public constant decimals = 18;
    uint256 public totalSupply;
    address public immutable owner;
    Mode public mode;

    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    error NotToday(address to, uint256 value);

    constructor(string memory name_, string memory symbol_) {
        name = name_;
        symbol = symbol_;
        owner = msg.sender;
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "only the owner");
        _;
    }

    function mint(address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function setMode(Mode mode_) external onlyOwner {
        mode = mode_;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (mode == Mode.ReturnsFalse) return false;
        if (mode == Mode.Silent) return true;
        if (mode == Mode.CustomError) revert NotToday(to, value);
        require(balanceOf[msg.sender] >= value, "the balance is too low");
        uint256 moved = mode == Mode.TakesCut && value > 0 ? value - 1 : value;
        unchecked {
            balanceOf[msg.sender] -= moved;
            balanceOf[to] += moved;
        }
        emit Transfer(msg.sender, to, moved);
        return true;
    }
}
