# shellcheck shell=bash
# The four services: what each is started with, in which order, and when it
# is ready. One that runs from the same program and files is left alone.

kube_url()
{
	printf 'https://127.0.0.1:%s\n' "$UP_PORT_kube"
}

# Pods listen on loopback addresses; each installation has a block of its own.
pod_net()
{
	printf '127.%s.0.0/16\n' \
	    $((16 + $(printf '%s' "$state" | cksum | cut -d ' ' -f 1) % 200))
}

write_file()
{
	cat >"$1.new"
	if cmp -s "$1.new" "$1"; then
		rm "$1.new"
	else
		mv "$1.new" "$1"
	fi
}

kubeconfig()
{
	write_file "$private/$1.kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: local
clusters:
- name: local
  cluster:
    server: $(kube_url)
    certificate-authority: $pki/kube-ca.crt
users:
- name: $1
  user:
    tokenFile: $private/$1.token
contexts:
- name: local
  context:
    cluster: local
    user: $1
    namespace: default
EOF
}

write_images()
{
	write_file "$private/images.json" <<EOF
{
  "spark:$spark_release": {
    "entrypoint": ["/opt/entrypoint.sh"],
    "workdir": "/tmp",
    "env": {
      "SPARK_HOME": "/opt/spark",
      "JAVA_HOME": "$java_home",
      "PYSPARK_PYTHON": "$spark_python",
      "PYSPARK_DRIVER_PYTHON": "$spark_python"
    },
    "mounts": [
      { "from": "$spark_home", "to": "/opt/spark" },$spark_mount
      { "from": "$local_src/entrypoint", "to": "/opt/entrypoint.sh" },
      { "from": "$local_src/examples", "to": "/opt/examples" }
    ],
    "hide": ["$private", "$logs", "$state/home"]
  }
}
EOF
}

write_gateway_config()
{
	write_file "$private/livy-fcgi.cfg" <<EOF
# Made by deploy/local/up; what is left out has its default.
gateway = "local";
process = { pid_file = ""; };
fastcgi = {
	socket = "$run/fcgi.sock";
	nginx_user = "$(id -un)";
	secret_file = "$private/gateway.secret";
	workers = 8;
	outbound_workers = 6;
};
kubernetes = {
	credential = "kubeconfig";
	kubeconfig = "$private/gateway.kubeconfig";
	namespaces = [ "default" ];
};
sessions = { key_file = "$private/session.keys"; };
templates = { dir = "$private/templates"; };
vars = (
	("image", "spark:$spark_release"),
	("sparkVersion", "$spark_release")
);
EOF
}

write_templates()
{
	local file
	mkdir -p "$private/templates"
	for file in "$src"/conf/templates/*.cfg; do
		write_file "$private/templates/${file##*/}" <"$file"
	done
}

# set_in FILE FROM TO: replaces a directive's value, which must be there.
set_in()
{
	grep -qF -- "$2" "$1" || die "no '$2' in $1"
	sed -i "s|$2|$3|" "$1"
}

write_nginx_config()
{
	local dir=$private/nginx name
	rm -rf "$dir.new"
	mkdir -p "$dir.new/livy" "$run/nginx"
	cp "$inst"/share/livy-fcgi/nginx/*.conf "$dir.new/livy/"
	set_in "$dir.new/livy/livy.conf" unix:/run/livy-fcgi/fcgi.sock \
	    "unix:$run/fcgi.sock"
	set_in "$dir.new/livy/livy.conf" 'listen 443 ssl' \
	    "listen 127.0.0.1:$UP_PORT_https ssl"
	set_in "$dir.new/livy/livy.conf" /etc/livy-fcgi/tls.crt "$pki/https.crt"
	set_in "$dir.new/livy/livy.conf" /etc/livy-fcgi/tls.key "$pki/https.key"
	set_in "$dir.new/livy/livy.conf" /var/log/nginx/livy.log \
	    "$logs/access.log"
	set_in "$dir.new/livy/livy.conf" /usr/share/livy-fcgi/status/ \
	    "$inst/share/livy-fcgi/status/"
	printf 'fastcgi_param LIVY_SECRET "%s";\n' \
	    "$(cat "$private/gateway.secret")" >"$dir.new/livy-secret.conf"
	printf '"Bearer %s" "livy";\n' "$(cat "$private/token")" \
	    >"$dir.new/livy-tokens.conf"
	# The salt is kept, so that the file is the same again.
	[ -s "$private/salt" ] || openssl rand -hex 4 >"$private/salt"
	printf 'livy:%s\n' "$(openssl passwd -apr1 -salt "$(cat "$private/salt")" \
	    -stdin <"$private/password")" >"$dir.new/livy-users.conf"
	chmod 600 "$dir.new"/livy-*.conf
	cat >"$dir.new/nginx.conf" <<EOF
daemon off;
worker_processes 2;
pid $run/nginx/pid;
error_log $logs/https.log warn;
worker_shutdown_timeout 20s;
events {
	worker_connections 1024;
}
http {
	client_body_temp_path $run/nginx/body;
	fastcgi_temp_path $run/nginx/fastcgi;
	proxy_temp_path $run/nginx/proxy;
	scgi_temp_path $run/nginx/scgi;
	uwsgi_temp_path $run/nginx/uwsgi;
	include livy/livy.conf;
}
EOF
	for name in "$dir.new"/*.conf "$dir.new"/livy/*.conf; do
		cmp -s "$name" "$dir${name#"$dir.new"}" || {
			rm -rf "$dir"
			mv "$dir.new" "$dir"
			return
		}
	done
	rm -rf "$dir.new"
}

write_configs()
{
	kubeconfig gateway
	kubeconfig operator
	printf '%s,gateway\n%s,operator\n' "$(cat "$private/gateway.token")" \
	    "$(cat "$private/operator.token")" | write_file "$private/kube.tokens"
	write_images
	write_gateway_config
	write_templates
	write_nginx_config
	chmod 600 "$private"/*.tokens "$private"/*.kubeconfig
}

answers()
{
	curl_like "$1" >/dev/null 2>&1
}

# A GET with the token, by what is there for certain.
curl_like()
{
	"$python" -B "$local_src/mainjob.py" get "$1"
}

kept_ready()
{
	[ -s "$run/$1.ready" ]
}

# service NAME SECONDS FILES -- COMMAND…: starts it, anew if it or a file
# has changed, and waits for its ready file.
service()
{
	local name=$1 seconds=$2 files=() stamp_now
	shift 2
	while [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	shift
	stamp_now=$(stamp_of "${files[@]}" -- "$@")
	! same "$name" "$stamp_now" || return 0
	stop "$name" "${stop_signal:-TERM}" 30
	rm -f "$run/$name.ready"
	start "$name" "$stamp_now" "$@"
	restarted+=("$name")
	[ "$seconds" = 0 ] || ready "$name" "$seconds" kept_ready "$name"
}

start_services()
{
	local log=$logs/check.log
	mkdir -p "$run" "$private/kube"
	restarted=()
	service kube 20 "$pki/kube.crt" "$private/kube.tokens" -- \
	    "$build/deploy/local/localkube" --dir "$private/kube" \
	    --listen "127.0.0.1:$UP_PORT_kube" --tls-cert "$pki/kube.crt" \
	    --tls-key "$pki/kube.key" --tokens "$private/kube.tokens" \
	    --images "$private/images.json" --pod-net "$(pod_net)" \
	    --ready "$run/kube.ready"
	service operator 20 "$private/operator.kubeconfig" -- \
	    "$build/deploy/local/localspark" \
	    --kubeconfig "$private/operator.kubeconfig" --namespace default \
	    --ready "$run/operator.ready"
	"$inst/sbin/livy-fcgi" -t -c "$private/livy-fcgi.cfg" >"$log" 2>&1 ||
	    die_log "the gateway refuses its configuration" "$log"
	service gateway 0 "$private/livy-fcgi.cfg" "$private/gateway.kubeconfig" \
	    "$private/gateway.secret" "$private/session.keys" \
	    "$private"/templates/*.cfg "$inst"/share/livy-fcgi/livy_agent.py -- \
	    "$inst/sbin/livy-fcgi" -c "$private/livy-fcgi.cfg"
	ready gateway 20 test -S "$run/fcgi.sock"
	/usr/sbin/nginx -t -q -e "$logs/https.log" -c "$private/nginx/nginx.conf" \
	    >"$log" 2>&1 || die_log "nginx refuses its configuration" "$log"
	stop_signal=QUIT service https 0 "$pki/https.crt" \
	    "$private"/nginx/*.conf "$private"/nginx/livy/*.conf -- \
	    /usr/sbin/nginx -e "$logs/https.log" -c "$private/nginx/nginx.conf"
	ready https 10 answers /healthz
	ready gateway 30 answers /readyz
	remember port.https "$UP_PORT_https"
	remember port.kube "$UP_PORT_kube"
}

# Ends everything, the pods and what runs in them too.
stop_services()
{
	stop https QUIT 25
	stop gateway TERM 35
	stop operator
	stop kube
	if [ -x "$build/deploy/local/localkube" ] && [ -d "$private/kube" ]; then
		"$build/deploy/local/localkube" --dir "$private/kube" stop-pods \
		    >>"$logs/kube.log" 2>&1 ||
		    die_log "the pods do not end" "$logs/kube.log"
	fi
}
