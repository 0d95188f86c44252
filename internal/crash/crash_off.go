//go:build !crashpoints

// Package crash names the points at which a process may die, so that tests can
// kill it exactly there. In a normal build a point costs nothing and does nothing;
// with the build tag `crashpoints` the process sends itself SIGKILL at the point
// that the environment names.
package crash

// Point marks a place between two effects.
func Point(string) {}
