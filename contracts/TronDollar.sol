// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The contract that a deprecated TronDollar passes its calls on to.
interface TronDollarHeir {
    function transferByLegacy(address from, address to, uint256 value) external returns (bool);
}

/// A TRC-20 token in the manner of the largest stablecoin on TRON: `transfer` returns false
/// when it succeeds, takes a fee that is zero but need not stay so, looks at a pause and at
/// a blacklist of senders, and does not look at the twelve bytes before an address. The
/// owner can pass everything on to another contract. It is for the demo and the tests.
contract TronDollar {
    string public name;
    string public symbol;
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    address public owner;
    bool public paused;
    bool public deprecated;
    address public upgradedAddress;
    uint256 public basisPointsRate;
    uint256 public maximumFee;

    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public isBlackListed;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AddedBlackList(address indexed user);
    event Pause();
    event Unpause();
    event Deprecate(address newAddress);
    event Params(uint256 feeBasisPoints, uint256 maxFee);

    constructor(string memory name_, string memory symbol_) {
        name = name_;
        symbol = symbol_;
        owner = msg.sender;
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "only the owner");
        _;
    }

    function issue(address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    /// Takes all of an account's tokens, as the owner of the original can of a blacklisted one.
    function destroyBlackFunds(address account) external onlyOwner {
        uint256 value = balanceOf[account];
        balanceOf[account] = 0;
        totalSupply -= value;
        emit Transfer(account, address(0), value);
    }

    function pause() external onlyOwner {
        paused = true;
        emit Pause();
    }

    function unpause() external onlyOwner {
        paused = false;
        emit Unpause();
    }

    function addBlackList(address user) external onlyOwner {
        isBlackListed[user] = true;
        emit AddedBlackList(user);
    }

    function removeBlackList(address user) external onlyOwner {
        isBlackListed[user] = false;
    }

    function setParams(uint256 feeBasisPoints, uint256 maxFee) external onlyOwner {
        basisPointsRate = feeBasisPoints;
        maximumFee = maxFee;
        emit Params(feeBasisPoints, maxFee);
    }

    function deprecate(address heir) external onlyOwner {
        deprecated = true;
        upgradedAddress = heir;
        emit Deprecate(heir);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(!paused, "the token is paused");
        require(!isBlackListed[from], "the sender is blacklisted");
        allowance[from][msg.sender] -= value;
        pay(from, to, value);
        return true;
    }

    /// `transfer(address,uint256)` comes here, with an address whose upper bytes may be
    /// anything.
    fallback(bytes calldata) external returns (bytes memory) {
        require(msg.sig == 0xa9059cbb && msg.data.length >= 68, "no such function");
        require(!paused, "the token is paused");
        require(!isBlackListed[msg.sender], "the sender is blacklisted");
        address to = address(uint160(uint256(bytes32(msg.data[4:36]))));
        uint256 value = uint256(bytes32(msg.data[36:68]));
        if (deprecated) {
            return abi.encode(TronDollarHeir(upgradedAddress).transferByLegacy(msg.sender, to, value));
        }
        pay(msg.sender, to, value);
        return abi.encode(false);
    }

    function pay(address from, address to, uint256 value) private {
        uint256 fee = (value * basisPointsRate) / 10000;
        if (fee > maximumFee) fee = maximumFee;
        move(from, to, value - fee);
        if (fee > 0) move(from, owner, fee);
    }

    function move(address from, address to, uint256 value) private {
        require(to != address(0), "the recipient is nobody");
        require(balanceOf[from] >= value, "the balance is too low");
        unchecked {
            balanceOf[from] -= value;
            balanceOf[to] += value;
        }
        emit Transfer(from, to, value);
    }
}
