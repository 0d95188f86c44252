package dispatch

// Shares is how a dispatch splits what it cost.
var Shares = Work.shares
