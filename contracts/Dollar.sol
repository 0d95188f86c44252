// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token with the costs of the most used stablecoin of the main network: its transfer
/// looks at a pause, at the sender's freeze and at a fee that is zero but need not stay
/// so, and returns nothing. Gas is measured with it, and what takes fees is told by it.
contract Dollar {
    string public name;
    string public symbol;
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    address public owner;
    bool public paused;
    bool public deprecated;
    uint256 public basisPointsRate;
    uint256 public maximumFee;

    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public frozen;

    event Transfer(address indexed from, address indexed to, uint256 value);

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

    function setFee(uint256 basisPoints, uint256 most) external onlyOwner {
        basisPointsRate = basisPoints;
        maximumFee = most;
    }

    function transfer(address to, uint256 value) external {
        require(!paused, "the token is paused");
        require(!frozen[msg.sender], "the sender is frozen");
        require(!deprecated, "the token has moved");
        uint256 fee = (value * basisPointsRate) / 10000;
        if (fee > maximumFee) fee = maximumFee;
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value - fee;
        if (fee > 0) {
            balanceOf[owner] += fee;
            emit Transfer(msg.sender, owner, fee);
        }
        emit Transfer(msg.sender, to, value - fee);
    }
}
