package store

// What tests of this package look at from outside it.
var CheckEngine = checkEngine
