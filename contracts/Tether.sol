// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token in the manner of the first large stablecoin: `transfer` returns nothing,
/// six decimals, the owner mints, freezes accounts and pauses everything. It is for
/// the demo and the tests; nobody should put value on it.
contract Tether {
    string public name;
    string public symbol;
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    address public immutable owner;
    bool public paused;

    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public frozen;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Frozen(address indexed account, bool on);
    event Paused(bool on);

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

    function freeze(address account, bool on) external onlyOwner {
        frozen[account] = on;
        emit Frozen(account, on);
    }

    function pause(bool on) external onlyOwner {
        paused = on;
        emit Paused(on);
    }

    /// No return value, on purpose: callers that insist on one lose this token.
    function transfer(address to, uint256 value) external {
        require(!paused, "the token is paused");
        require(!frozen[msg.sender], "the sender is frozen");
        require(!frozen[to], "the recipient is frozen");
        require(balanceOf[msg.sender] >= value, "the balance is too low");
        unchecked {
            balanceOf[msg.sender] -= value;
            balanceOf[to] += value;
        }
        emit Transfer(msg.sender, to, value);
    }
}
