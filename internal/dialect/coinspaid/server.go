package coinspaid

import "net/http"

// routes mounts every call.
func (d *Dialect) routes() {
	d.mux.HandleFunc("GET "+base+"/ping", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("OK")) })
}
