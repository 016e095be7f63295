// Tfregistry is a registry of Terraform providers on loopback, with one provider in each namespace and one thing wrong with
// most: `tfregistry PROVIDER CA_FILE` says its URLs in JSON and ends with its stdin. It signs with the package that Terraform
// checks signatures with.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
)

func main() {
	provider, err := os.ReadFile(os.Args[1])
	check(err)
	packages := newPackages(provider)

	urls := map[string]string{}
	serve := func(name string, discovery http.HandlerFunc) {
		mux := http.NewServeMux()
		mux.HandleFunc("/.well-known/terraform.json", discovery)
		packages.register(mux)
		urls[name] = httptest.NewServer(mux).URL
	}
	serve("relative", document(`{"providers.v1": "/v1/providers/", "login.v1": {"client": "x"}}`))
	serve("absolute", document(fmt.Sprintf(`{"providers.v1": "%s/v1/providers"}`, urls["relative"])))
	serve("redirected", func(w http.ResponseWriter, r *http.Request) {
		// What is relative is so to the end of the way.
		http.Redirect(w, r, urls["relative"]+"/moved/terraform.json", http.StatusFound)
	})
	serve("looping", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	serve("absent", http.NotFound)
	serve("modules-only", document(`{"modules.v1": "/v1/modules/"}`))
	serve("broken", document(`<html>`))
	serve("failing", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "sorry", http.StatusBadGateway) })
	urls["secure"] = serveTLS(os.Args[2], packages, urls["relative"])

	// Nobody listens there any more.
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	urls["offline"] = "http://" + gone.Addr().String()
	check(gone.Close())

	check(json.NewEncoder(os.Stdout).Encode(urls))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func document(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
