#!/bin/sh
# What the tests need of `docker`: runs a program of this system, named like the image, without the caller's environment, in a folder of
# its own that has the "mounted" one, if any, in it. A relative mount point therefore leads somewhere for the program alone.
here=$(dirname "$0")
case "$1 $2" in
"run "*)
	shift
	while :; do
		case $1 in
		--name) name=$2 && shift 2 ;;
		--volume) from=${2%%:*} to=${2#*:} && shift 2 ;;
		--interactive) interactive=yes && shift ;;
		--env) vars="$vars $2" && shift 2 ;;
		-*) shift ;;
		*) break ;;
		esac
	done
	[ -x "$here/images/$1" ] || { echo "Unable to find image '$1' locally" >&2; exit 125; }
	mkdir "$here/$name" && cd "$here/$name" && echo $$ >pid || exit 125
	[ -z "$from" ] || ln -s "$from" "$to" || exit 125
	[ "$interactive" ] || exec </dev/null
	image=$here/images/$1
	shift
	set -- "$image" "$@"
	for var in $vars; do
		eval "set -- \"\$var=\$$var\" \"\$@\""
	done
	exec env -i "$@"
	;;
"rm --force")
	kill -s KILL "$(cat "$here/$3/pid")"
	;;
"image inspect")
	[ "$3 $4" = "--format {{.Os}}/{{.Architecture}}" ] && echo linux/amd64
	;;
*)
	echo "unknown command: $*" >&2
	exit 1
	;;
esac
