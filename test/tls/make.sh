#!/usr/bin/env bash
# Makes the certificates that tests use, all anew, into this folder. They protect nothing: their keys are public.
set -euo pipefail
cd "$(dirname "$0")"

days=36500 # tests must not begin to fail on some day
request() { # NAME SUBJECT EXTENSION...
  local name="$1" subject="$2"
  shift 2
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" -subj "$subject" 2>/dev/null
  printf '%s\n' "$@" > "$name.ext"
}
signed() { # NAME CA OPTION...
  local name="$1" ca="$2"
  shift 2
  openssl x509 -req -in "$name.csr" -CA "$ca.crt" -CAkey "$ca.key" -CAcreateserial -extfile "$name.ext" -out "$name.crt" "$@" 2>/dev/null
}
authority() { # NAME SUBJECT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days "$days" -subj "$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

authority ca '/CN=sluice tests'
authority stranger-ca '/CN=a stranger'

names='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
request server '/CN=localhost' "$names" extendedKeyUsage=serverAuth
signed server ca -days "$days"
request renewed '/CN=localhost' "$names" extendedKeyUsage=serverAuth
signed renewed ca -days "$days"
request elsewhere '/CN=logs.example.org' 'subjectAltName=DNS:logs.example.org' extendedKeyUsage=serverAuth
signed elsewhere ca -days "$days"
request client '/CN=a client' 'subjectAltName=DNS:client' extendedKeyUsage=clientAuth
signed client ca -days "$days"
request stranger '/CN=a stranger' "$names" extendedKeyUsage=serverAuth,clientAuth
signed stranger stranger-ca -days "$days"

# `openssl x509` sets no dates of its own choice in this version; `openssl ca` does.
request expired '/CN=localhost' "$names" extendedKeyUsage=serverAuth,clientAuth
: > index.txt
openssl ca -batch -config /dev/stdin -in expired.csr -out expired.crt -startdate 20200101000000Z -enddate 20210101000000Z \
  -extfile expired.ext -notext -create_serial 2>/dev/null <<'CONFIGURATION'
[ca]
default_ca = tests
[tests]
database = index.txt
serial = serial.txt
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
CONFIGURATION
rm -f ./*.csr ./*.ext ./*.srl index.txt* serial.txt* [0-9A-F]*.pem
