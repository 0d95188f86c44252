// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A recipient that takes the native coin only while its owner keeps it open.
contract Gate {
    address public immutable owner;
    bool public open;

    constructor() {
        owner = msg.sender;
    }

    function setOpen(bool on) external {
        require(msg.sender == owner, "only the owner");
        open = on;
    }

    receive() external payable {
        require(open, "the gate is closed");
    }
}
