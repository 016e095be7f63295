package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// packages are the archives, sums and signatures of all namespaces.
type packages struct {
	good, evil, empty []byte
	key, subkey, bad  *openpgp.Entity
}

func newPackages(provider []byte) *packages {
	name := "terraform-provider-thing_v1.10.0_x5"
	return &packages{
		good:  archive(map[string][]byte{name: provider, "README.md": []byte("read me")}),
		evil:  archive(map[string][]byte{name: provider, "../../evil": []byte("evil")}),
		empty: archive(map[string][]byte{"README.md": []byte("read me")}),
		// As HashiCorp's key is, and as those of most others are.
		key: newKey(packet.PubKeyAlgoRSA), subkey: withSubkey(newKey(packet.PubKeyAlgoRSA)), bad: newKey(packet.PubKeyAlgoEdDSA),
	}
}

func archive(files map[string][]byte) []byte {
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for name, content := range files {
		file, err := w.Create(name)
		check(err)
		_, err = file.Write(content)
		check(err)
	}
	check(w.Close())
	return buffer.Bytes()
}

func newKey(algorithm packet.PublicKeyAlgorithm) *openpgp.Entity {
	key, err := openpgp.NewEntity("Gopher", "", "gopher@example.com", &packet.Config{Algorithm: algorithm, RSABits: 2048})
	check(err)
	return key
}

func withSubkey(key *openpgp.Entity) *openpgp.Entity {
	check(key.AddSigningSubkey(&packet.Config{Algorithm: packet.PubKeyAlgoEdDSA}))
	return key
}

// register serves them under /v1/providers/NAMESPACE/thing and /files/NAMESPACE.
func (p *packages) register(mux *http.ServeMux) {
	mux.HandleFunc("/moved/terraform.json", document(`{"providers.v1": "../v1/providers/"}`))
	mux.HandleFunc("/v1/providers/{namespace}/thing/versions", p.versions)
	mux.HandleFunc("/v1/providers/{namespace}/thing/{version}/download/{os}/{arch}", p.about)
	mux.HandleFunc("/files/{namespace}/{file}", p.file)
}

type object map[string]any

func (p *packages) versions(w http.ResponseWriter, r *http.Request) {
	here := object{"os": runtime.GOOS, "arch": runtime.GOARCH}
	elsewhere := object{"os": "plan9", "arch": "mips"}
	version := func(version, protocol string, platforms ...object) object {
		return object{"version": version, "protocols": []string{protocol}, "platforms": platforms}
	}
	list := []object{
		version("1.9.0", "5.0", here), version("1.10.0", "6.0", elsewhere, here), version("1.11.0", "6.0", elsewhere),
		version("1.12.0", "7.0", here), version("2.0.0-beta1", "6.0", here),
	}
	switch r.PathValue("namespace") {
	case "unknown":
		http.NotFound(w, r)
		return
	case "no-platform":
		list = []object{version("1.0.0", "6.0", elsewhere)}
	case "too-new":
		list = []object{version("1.0.0", "7.1", here)}
	}
	check(json.NewEncoder(w).Encode(object{"id": "x", "versions": list}))
}

func (p *packages) about(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("namespace")
	key := p.key
	if namespace == "subkey" {
		key = p.subkey
	}
	keys := []object{{"key_id": "0000000000000000", "ascii_armor": public(newKey(packet.PubKeyAlgoEdDSA))}, {"key_id": key.PrimaryKey.KeyIdString(), "ascii_armor": public(key)}}
	if namespace == "no-keys" {
		keys = nil
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(p.archive(namespace)))
	if namespace == "two-sums" {
		sum = strings.Repeat("0", 64)
	}
	check(json.NewEncoder(w).Encode(object{
		"protocols": []string{"6.0"}, "os": r.PathValue("os"), "arch": r.PathValue("arch"), "filename": "thing.zip",
		// Relative to where this is.
		"download_url":          "/files/" + namespace + "/thing.zip",
		"shasums_url":           "/files/" + namespace + "/SHA256SUMS",
		"shasums_signature_url": "/files/" + namespace + "/SHA256SUMS.sig",
		"shasum":                sum, "signing_keys": object{"gpg_public_keys": keys},
	}))
}

func (p *packages) archive(namespace string) []byte {
	switch namespace {
	case "evil":
		return p.evil
	case "empty":
		return p.empty
	}
	return p.good
}

func (p *packages) sums(namespace string) []byte {
	name := "thing.zip"
	if namespace == "other-name" {
		name = "other.zip"
	}
	return fmt.Appendf(nil, "%064x  readme.txt\n%x  %s\n", 1, sha256.Sum256(p.archive(namespace)), name)
}

func (p *packages) file(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("namespace")
	var content []byte
	switch r.PathValue("file") {
	case "thing.zip":
		content = bytes.Clone(p.archive(namespace))
		if namespace == "wrong-sum" {
			content[len(content)/2] ^= 1
		}
		if namespace == "cut-off" {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			content = content[:len(content)/2]
		}
	case "SHA256SUMS":
		content = p.sums(namespace)
		if namespace == "changed-sums" {
			content = append(content, '\n')
		}
	case "SHA256SUMS.sig":
		signer := p.key
		switch namespace {
		case "subkey":
			signer = p.subkey
		case "bad-key":
			signer = p.bad
		case "unsigned":
			http.NotFound(w, r)
			return
		case "garbage":
			_, _ = w.Write([]byte("nonsense"))
			return
		}
		var buffer bytes.Buffer
		check(openpgp.DetachSign(&buffer, signer, bytes.NewReader(p.sums(namespace)), nil))
		content = buffer.Bytes()
	}
	_, _ = w.Write(content)
}

func public(key *openpgp.Entity) string {
	var buffer bytes.Buffer
	w, err := armor.Encode(&buffer, openpgp.PublicKeyType, nil)
	check(err)
	check(key.Serialize(w))
	check(w.Close())
	return buffer.String()
}
