# shellcheck shell=bash
# The source's copy and its build, out of the checkout and below $state.

# The files that the build needs, each ended by NUL, in a fixed order.
source_files()
{
	find autogen.sh configure.ac Makefile.am README.md fcgi nginx conf deploy \
	    tests \( -name .deps -o -name __pycache__ -o -name .pytest_cache \) \
	    -prune -o -type f ! -name '*.o' ! -name '*.log' ! -name '*.trs' \
	    ! -name .dirstamp ! -name '*~' ! -path fcgi/livy-fcgi \
	    ! -path deploy/local/localkube ! -path deploy/local/localspark \
	    \( ! -path 'tests/*' -o -name '*.am' \) -print0 | sort -z
}

# source_hash CHECKOUT: changes when the build could.
source_hash()
{
	(
		cd -- "$1" || exit
		source_files | xargs -0 sha256sum
		source_files | xargs -0 stat -c '%A %n'
	) | sha256sum | cut -c 1-32
}

# copy_source CHECKOUT HASH: read with the caller's rights, kept by the user
# that builds it.
copy_source()
{
	[ "$(as_user cat "$src/.hash" 2>/dev/null)" != "$2" ] || return 0
	as_user rm -rf "$src.new"
	as_user mkdir "$src.new"
	(
		cd -- "$1" || exit
		source_files | tar --null -T - -cf -
	) | as_user tar -C "$src.new" --no-same-owner --no-same-permissions -xf -
	printf '%s\n' "$2" | as_user tee "$src.new/.hash" >/dev/null
	as_user rm -rf "$src"
	as_user mv "$src.new" "$src"
}

# build_all HASH: makes $inst from $src unless it is made from it already.
build_all()
{
	local log=$logs/build.log
	[ "$(remembered built)" != "$1" ] || [ ! -x "$inst/sbin/livy-fcgi" ] ||
	    return 0
	step "Building (about a minute)"
	mkdir -p "$build"
	{
		(cd "$src" && ./autogen.sh) &&
		    cd "$build" &&
		    "$src/configure" --prefix="$inst" CFLAGS='-g -O2' &&
		    make -j "$(nproc)" &&
		    make install
	} >"$log" 2>&1 </dev/null || die_log "the build failed" "$log"
	remember built "$1"
}
