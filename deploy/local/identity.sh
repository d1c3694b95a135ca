# shellcheck shell=bash
# Certificates, tokens and passwords: made once and kept, in files that only
# the user who runs it all can read. They are in no argument and no log.

secret_file()
{
	[ -s "$1" ] || {
		(umask 077 && openssl rand -hex "${2:-32}" >"$1.new")
		mv "$1.new" "$1"
	}
}

# The keys of sessions' tokens, "VERSION KEY" each; the first is for new ones.
session_keys()
{
	[ -s "$1" ] || {
		(umask 077 && printf '1 %s\n' "$(openssl rand -hex 32)" >"$1.new")
		mv "$1.new" "$1"
	}
}

new_key()
{
	(umask 077 && openssl genpkey -quiet -algorithm EC \
	    -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null)
}

# authority NAME SUBJECT: a certificate authority of our own, for ten years.
authority()
{
	[ ! -s "$pki/$1.crt" ] || return 0
	new_key "$pki/$1.key"
	openssl req -x509 -new -key "$pki/$1.key" -sha256 -days 3650 \
	    -subj "/CN=$2" -out "$pki/$1.crt.new" \
	    -addext basicConstraints=critical,CA:true,pathlen:0 \
	    -addext keyUsage=critical,keyCertSign,cRLSign
	mv "$pki/$1.crt.new" "$pki/$1.crt"
}

# server_certificate NAME AUTHORITY: for this machine's own names, renewed
# when it has less than a month left.
server_certificate()
{
	if [ -s "$pki/$1.crt" ] &&
	    openssl x509 -in "$pki/$1.crt" -noout -checkend 2592000 >/dev/null; then
		return 0
	fi
	new_key "$pki/$1.key"
	openssl req -new -key "$pki/$1.key" -subj "/CN=localhost" |
	    openssl x509 -req -sha256 -days 800 -CA "$pki/$2.crt" \
	        -CAkey "$pki/$2.key" -set_serial "0x$(openssl rand -hex 16)" \
	        -out "$pki/$1.crt.new" -extfile <(cat <<EOF
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
EOF
	    ) 2>/dev/null
	mv "$pki/$1.crt.new" "$pki/$1.crt"
}

make_identity()
{
	mkdir -p "$pki"
	chmod 700 "$private"
	authority ca "livy-fcgi local authority"
	server_certificate https ca
	authority kube-ca "localkube authority"
	server_certificate kube kube-ca
	secret_file "$private/token"
	secret_file "$private/password" 12
	secret_file "$private/gateway.secret"
	session_keys "$private/session.keys"
	secret_file "$private/gateway.token"
	secret_file "$private/operator.token"
	# The one file of these that any user may need.
	cmp -s "$pki/ca.crt" "$state/ca.crt" || cp "$pki/ca.crt" "$state/ca.crt"
}
