package bankbook

import (
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
)

func newReturn(w id.Seq, amount money.Amount, reason, actor string) commit.Command {
	return withdrawal.NewAttend(w, "returned", reason, actor)
}
