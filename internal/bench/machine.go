package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine says where the figures come from. Figures of two machines do not compare;
// their shares of the floors do.
type Machine struct {
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	CPU    string `json:"cpu,omitempty"`
	Engine string `json:"engine_version"`
	// Durability is what the engine was told to do at a commit.
	Durability string `json:"durability"`
}

func machine() Machine {
	return Machine{Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuModel()}
}

// cpuModel is the name of the processor where Linux tells it.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// bytesWritten is how much this process has caused to be written to disks, where
// Linux tells it. On a file system in memory it stays 0.
func bytesWritten() (int64, bool) {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(io)) {
		if value, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// clockTick is the unit of /proc/self/stat on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuUsed is the processor time of this process, where Linux tells it.
func cpuUsed() (time.Duration, bool) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may hold blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, false
	}
	user, uerr := strconv.ParseInt(f[11], 10, 64)
	system, serr := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * clockTick, uerr == nil && serr == nil
}
