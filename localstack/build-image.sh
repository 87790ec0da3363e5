#!/usr/bin/env bash
# Builds the image localstack/localstack:4.14.0 from Debian and PyPI packages, for machines that reach those but
# no image registry. README.md beside this file says when to use it and what is in the image.
set -euo pipefail
set -m # a process group per step, so that clean-up can end all of it

readonly image=localstack/localstack:4.14.0
readonly suite=trixie # its Python is 3.13; this LocalStack needs 3.12 or newer
readonly python_version=3.13
readonly mirror_variable=DEBIAN_MIRROR
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly lock=$here/requirements.lock

usage() {
    cat <<USAGE
usage: build-image.sh [--pull] [--force]

  --pull   try 'docker pull' first, and build only where that fails
  --force  build even if $image is there already

Needs Docker, root, and a Linux host of Debian's family (or with debootstrap and pip installed).
$mirror_variable=URL overrides the Debian mirror, which is otherwise taken from apt's configuration;
TMPDIR must be on a file system without nodev and noexec.
USAGE
}

say() { printf 'build-image: %s\n' "$*"; }
fail() {
    printf 'build-image: %s\n' "$@" >&2
    exit 1
}

pull=false force=false
for argument in "$@"; do
    case $argument in
        --pull) pull=true ;;
        --force) force=true ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
done

docker info >/dev/null 2>&1 ||
    fail "Docker is not usable: 'docker info' fails. Install and start Docker, or run LocalStack elsewhere" \
        "and set LOCALSTACK_ENDPOINT."
old_id=$(docker image ls --quiet --no-trunc "$image")
if [[ -n $old_id && $force == false ]]; then
    say "$image is there already (--force builds it anew)"
    exit 0
fi
if [[ $pull == true ]]; then
    if timeout 1200 docker pull "$image"; then
        exit 0
    fi
    say "the pull failed, building instead"
fi

[[ $(uname -s) == Linux ]] || fail "builds on Linux only; elsewhere use: docker pull $image"
((EUID == 0)) || fail "debootstrap needs root: run this script with sudo."

work='' step_pid='' container='' new_id=''
cleanup() {
    local status=$? mounts
    trap - EXIT
    set +e
    # The step's whole group, so that nothing writes while we delete.
    [[ -n $step_pid ]] && kill -TERM -- "-$step_pid" 2>/dev/null && wait "$step_pid"
    [[ -n $container ]] && docker rm --force "$container" >/dev/null 2>&1
    [[ -n $new_id ]] && docker image rm "$new_id" >/dev/null 2>&1 # never got its tag: not proven to work
    if [[ -n $work ]]; then
        # debootstrap mounts /proc in there, and leaves it when it is interrupted; the innermost goes first.
        mounts=$(awk -v under="$work/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | sort --reverse)
        while read -r mount; do
            [[ -n $mount ]] && { umount "$mount" || umount --lazy "$mount"; }
        done <<<"$mounts"
        rm -rf --one-file-system "$work"
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

work=$(mktemp --directory --tmpdir localstack-image.XXXXXXXX)
readonly rootfs=$work/rootfs log=$work/log

# step WHAT COMMAND...: quiet unless it fails; in the background, so that a signal is not held up until it ends.
step() {
    local what=$1 started=$SECONDS
    shift
    "$@" >"$log" 2>&1 </dev/null &
    step_pid=$!
    if ! wait "$step_pid"; then
        step_pid=''
        tail --lines=40 "$log" >&2
        fail "failed: $what"
    fi
    step_pid=''
    say "$what: $((SECONDS - started)) s"
}

# provide CHECK PACKAGE...: only where the command is missing.
provide() {
    local check=$1
    shift
    if "$check" >/dev/null 2>&1; then
        return
    fi
    command -v apt-get >/dev/null || fail "missing: $*. Install it with this system's package manager."
    step "apt-get update" apt-get --quiet update
    step "install $*" env DEBIAN_FRONTEND=noninteractive \
        apt-get --quiet --yes --no-install-recommends install "$@"
}
have_debootstrap() { command -v debootstrap && command -v wget && [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]]; }
have_pip() { python3 -m pip --version; }
provide have_debootstrap debootstrap wget ca-certificates debian-archive-keyring
provide have_pip python3-pip

# The first mirror of apt's that carries the suite, asked through apt itself, with its proxies and certificates.
find_mirror() {
    local site
    if [[ -n ${!mirror_variable:-} ]]; then
        printf '%s\n' "${!mirror_variable}"
        return
    fi
    while read -r site; do
        if /usr/lib/apt/apt-helper -qq download-file "${site%/}/dists/$suite/InRelease" "$work/InRelease" >/dev/null 2>&1; then
            printf '%s\n' "$site"
            return
        fi
    done < <(apt-get indextargets --format "\$(SITE)" | grep -E '^(https?|file):' | awk '!seen[$0]++')
}
mirror=$(find_mirror)
[[ -n $mirror ]] || fail "none of apt's sources carries Debian $suite." \
    "Give a Debian mirror that this machine reaches: $mirror_variable=URL."
# wget, which debootstrap downloads with, does not know apt's proxies.
for scheme in http https; do
    proxy=''
    if command -v apt-config >/dev/null; then
        eval "$(apt-config shell proxy "Acquire::$scheme::Proxy")"
    fi
    if [[ -n $proxy && $proxy != DIRECT ]]; then
        export "${scheme}_proxy=$proxy"
    fi
done

step "Debian $suite with Python" debootstrap --variant=minbase --include=python3 "$suite" "$rootfs" "$mirror"

# pip runs out here, with the machine's own index, proxy and certificate settings, and only unpacks wheels made for the
# image's Python: none of these settings, and no name resolution, has to get into the image.
case $(uname -m) in
    x86_64) architecture=x86_64 ;;
    aarch64) architecture=aarch64 ;;
    *) fail "no wheels for $(uname -m): run LocalStack elsewhere and set LOCALSTACK_ENDPOINT." ;;
esac
pip_target=(--no-deps --only-binary=:all: --implementation cp --python-version "$python_version")
for platform in manylinux1 manylinux2010 manylinux2014 manylinux_2_17 manylinux_2_28 manylinux_2_34; do
    pip_target+=(--platform "${platform}_$architecture")
done
step "LocalStack's packages" python3 -m pip --disable-pip-version-check --no-input install --root-user-action=ignore \
    "${pip_target[@]}" --no-compile --target "$rootfs/opt/localstack" --requirement "$lock"
# The scripts name this machine's Python; nothing runs them.
rm -rf "$rootfs/opt/localstack/bin"
# Compiled once here instead of at each start of a container.
step "compile" chroot "$rootfs" python3 -m compileall -q -j 0 /opt/localstack

# What only apt and a reader need, and whatever names the mirror.
rm -rf "$rootfs"/{etc/apt/sources.list*,etc/resolv.conf,etc/hostname,var/lib/apt/lists,var/cache/apt,var/cache/debconf,var/log} \
    "$rootfs"/usr/share/{doc,info,locale,man} "$rootfs"/{tmp,var/tmp,root,debootstrap}
install --directory --mode=1777 "$rootfs/tmp" "$rootfs/var/tmp"
install --directory "$rootfs/var/log" "$rootfs/root"

changes=()
for setting in \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/opt/localstack \
    PYTHONUNBUFFERED=1 \
    GATEWAY_LISTEN=0.0.0.0:4566 \
    SERVICES=secretsmanager \
    DISABLE_EVENTS=1 \
    SKIP_SSL_CERT_DOWNLOAD=1 \
    DNS_ADDRESS=0; do
    changes+=(--change "ENV $setting")
done
health='import urllib.request; urllib.request.urlopen("http://127.0.0.1:4566/_localstack/health", timeout=5)'
changes+=(
    --change 'EXPOSE 4566'
    --change 'ENTRYPOINT ["python3", "-m", "localstack.runtime.main"]'
    --change "HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD [\"python3\", \"-c\", \"${health//\"/\\\"}\"]"
    --change 'LABEL oauth-token-store.image=built-from-packages' # tells it from the published image
)
import_image() {
    tar --directory "$rootfs" --one-file-system --numeric-owner --create \
        --exclude='./dev/*' --exclude='./proc/*' --exclude='./run/*' --exclude='./sys/*' . |
        docker import --message "LocalStack from Debian and PyPI packages" "${changes[@]}" - >"$work/id"
}
step "docker import" import_image
new_id=$(<"$work/id")

# The tag only goes to an image that starts, and does so with no network to download from.
start_once() {
    local deadline=$((SECONDS + 120))
    docker start "$container"
    until docker logs "$container" 2>&1 | grep -q '^Ready\.$'; do
        if ((SECONDS > deadline)) || [[ $(docker inspect --format '{{.State.Running}}' "$container") != true ]]; then
            docker logs "$container"
            return 1
        fi
        sleep 0.5
    done
    docker exec "$container" python3 -c "$health"
}
container=$(docker create --network none --label oauth-token-store.tests=build-image "$new_id")
step "start it once" start_once
docker rm --force "$container" >/dev/null
container=''

docker tag "$new_id" "$image"
new_id=''
if [[ -n $old_id && $old_id != "$(docker image ls --quiet --no-trunc "$image")" ]]; then
    docker image rm "$old_id" >/dev/null 2>&1 || say "the image it replaces is still in use: $old_id"
fi
say "$image is ready, $SECONDS s in all"
