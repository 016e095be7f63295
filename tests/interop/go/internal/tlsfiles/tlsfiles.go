// Package tlsfiles makes a TLS configuration of the files that a test put into a folder: ca.pem, cert.pem and key.pem.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
)

// Config is for both roles, as go-plugin uses it: it presents the certificate, and demands one of the same authority.
func Config(dir string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		RootCAs:      authorities,
		ClientCAs:    authorities,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ServerName:   "localhost",
	}, nil
}

// Provider is Config as plugins want it, nothing without a folder.
func Provider(dir string) func() (*tls.Config, error) {
	if dir == "" {
		return nil
	}
	return func() (*tls.Config, error) { return Config(dir) }
}
