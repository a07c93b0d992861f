# Sourced by ./demo and ./check: makes sure that the Debian packages in $need are there.
# Asks on a terminal unless $yes is set; without a terminal it goes ahead; where it may not install it
# prints the one line to run and stops.

missing_packages() {
    for p in $need; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$p"
    done
}

install_packages() {
    command -v dpkg-query >/dev/null 2>&1 || {
        echo "This is no Debian system: install what these packages hold: $need" >&2
        return 0
    }
    lack=$(missing_packages)
    [ -n "$lack" ] || return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            as_root=sudo
        else
            echo "Some packages are missing. Run this as root, then try again:" >&2
            echo "  apt-get update && apt-get install -y --no-install-recommends $lack" >&2
            exit 2
        fi
    fi
    if [ -z "${yes:-}" ] && [ -t 0 ]; then
        printf 'Install these Debian packages: %s? [Y/n] ' "$lack"
        read -r answer
        case $answer in [nN]*) exit 2 ;; esac
    fi
    echo "Installing: $lack" >&2
    $as_root apt-get update -qq >&2 || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $lack >&2 || {
        echo "Installing failed. Run this as root, then try again:" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends $lack" >&2
        exit 2
    }
}

# What building Weir takes, and what testing it takes besides.
build_packages="gcc libc6-dev cmake ninja-build pkg-config zlib1g-dev libzstd-dev liblz4-dev libsnappy-dev libpcre2-dev libedit-dev libisal-dev libxxhash-dev librdkafka-dev"
test_packages="clang llvm libclang-rt-14-dev g++ libcmocka-dev python3 sqlite3 procps kcat python3-confluent-kafka python3-kafka python3-lz4 python3-zstandard python3-snappy"
# What the clients of other languages take: commands, each with the package that has it where nobody else has brought it.
client_commands="make:make node:nodejs npm:npm javac:openjdk-17-jdk-headless mvn:maven"
client_packages="rapidjson-dev libssl-dev"
for pair in $client_commands; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || client_packages="$client_packages ${pair#*:}"
done

# configure PRESET: quietly, and only when there is nothing yet or the floor plan changed.
configure() {
    [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >"build-$1.log" 2>&1 || { cat "build-$1.log"; rm -f "build-$1.log"; return 1; }
    rm -f "build-$1.log"
}
