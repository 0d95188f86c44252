package app

import (
	"context"
	"time"
)

// HoldStop makes the stop delay last until release is closed, and closes begun when
// it begins.
func (a *App) HoldStop(begun chan<- struct{}, release <-chan struct{}) {
	a.pause = func(context.Context, time.Duration) {
		close(begun)
		<-release
	}
}
