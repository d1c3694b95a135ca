# shellcheck shell=bash
# The Spark that batches run: PyPI's pyspark in a virtual environment, or the
# unpacked one that SPARK_HOME names.

pyspark_version=3.5.9

# spark_version DIR: of an unpacked Spark or an installed pyspark.
spark_version()
{
	local jar version
	for jar in "$1"/jars/spark-core_2.1[23]-*.jar; do
		version=${jar##*/spark-core_2.1[23]-}
		version=${version%.jar}
		case $version in
		3.[5-9]* | [4-9].*) ;;
		*) return 1 ;;
		esac
		[ -x "$1/bin/spark-submit" ] || return 1
		printf '%s\n' "$version"
		return 0
	done
	return 1
}

# pip_install WHAT…: a few attempts against a bad network; what has arrived
# whole is taken from pip's cache.
pip_install()
{
	local try
	for try in 1 2 3; do
		"$venv/bin/python" -m pip install --no-compile --retries 5 "$@" \
		    >>"$logs/pip.log" 2>&1 </dev/null && return
		say "    pip failed (attempt $try of 3)"
		sleep 2
	done
	die_log "pyspark could not be installed" "$logs/pip.log"
}

# make_venv PYTHON [WHEELHOUSE]
make_venv()
{
	local cache=$state/cache file
	[ "$(remembered pyspark)" != "$pyspark_version" ] ||
	    [ ! -x "$venv/bin/python" ] || return 0
	step "Installing pyspark $pyspark_version (about 300 MB)"
	: >"$logs/pip.log"
	"$1" -m venv --clear "$venv" >>"$logs/pip.log" 2>&1 ||
	    die_log "the virtual environment could not be made" "$logs/pip.log"
	mkdir -p "$cache"
	export PIP_CACHE_DIR=$cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1
	if [ -n "${2:-}" ]; then
		PIP_CONFIG_FILE=/dev/null pip_install --no-index --find-links "$2" \
		    "pyspark==$pyspark_version"
	elif file=$("$venv/bin/python" -B "$local_src/fetch.py" pyspark \
	    "$pyspark_version" "$cache"); then
		pip_install "$file"
	else
		# pip itself fetches it, without going on where it was cut.
		pip_install "pyspark==$pyspark_version"
	fi
	rm -rf "$cache"
	remember pyspark "$pyspark_version"
}

# Sets spark_home, spark_release, and for the image spark_python and the mount
# that it needs.
choose_spark()
{
	local python=$1 wheelhouse=${2:-} kept
	kept=$(remembered spark_home)
	spark_home=${SPARK_HOME-$kept}
	if [ -n "$spark_home" ]; then
		spark_python=$python
		spark_mount=''
	else
		make_venv "$python" "$wheelhouse"
		spark_home=$(echo "$venv"/lib/python3*/site-packages/pyspark)
		spark_python=/opt/venv/bin/python
		spark_mount="
      { \"from\": \"$venv\", \"to\": \"/opt/venv\" },"
	fi
	spark_release=$(spark_version "$spark_home") ||
	    die "$spark_home is no Spark 3.5 or later"
	[ "${SPARK_HOME-$kept}" = "$kept" ] || remember spark_home "$SPARK_HOME"
}
