package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"
)

// serveTLS serves a registry for `localhost` with a certificate of an authority of its own, which goes to file. The namespace
// `downgraded` is sent on to plain.
func serveTLS(file string, packages *packages, plain string) string {
	authority, authorityKey := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Gopher Authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o600))
	leaf, leafKey := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, authorityKey)

	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/terraform.json", document(`{"providers.v1": "/v1/providers/"}`))
	mux.HandleFunc("/v1/providers/downgraded/thing/versions", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain+strings.Replace(r.URL.Path, "downgraded", "good", 1), http.StatusFound)
	})
	packages.register(mux)
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}}}
	server.StartTLS()
	return strings.Replace(server.URL, "https://127.0.0.1", "localhost", 1)
}

func certificate(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	if parent == nil {
		parent, parentKey = template, key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	check(err)
	parsed, err := x509.ParseCertificate(der)
	check(err)
	return parsed, key
}
