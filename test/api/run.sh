#!/bin/sh
# Installs libweir into a scratch folder and builds a C program against it twice: by pkg-config and by CMake.
build=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; tail -20 "$scratch/log"; failed=1; fi; }
failed=0

cmake --install "$build" --prefix "$scratch/usr" >"$scratch/log" 2>&1
say $? "install"
(
    cd "$scratch/usr/share" && grep -q '^.TH WEIR 1' man/man1/weir.1 && grep -q '^complete -F _weir weir' bash-completion/completions/weir &&
        head -1 zsh/site-functions/_weir | grep -qx '#compdef weir' && grep -q '^complete -c weir' fish/vendor_completions.d/weir.fish
) >"$scratch/log" 2>&1
say $? "manual page and completions lie where they are looked for"
libdir=$(dirname "$(find "$scratch/usr" -name 'libweir.so' | head -1)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
sed "s|^prefix=.*|prefix=$scratch/usr|" "$libdir/pkgconfig/weir.pc" >"$scratch/weir.pc" && cp "$scratch/weir.pc" "$libdir/pkgconfig/"
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror test/api/embed.c $(pkg-config --cflags --libs weir) -o "$scratch/embed" >"$scratch/log" 2>&1
say $? "builds with pkg-config, as C11"
"$scratch/embed" >"$scratch/log" 2>&1
say $? "the program runs"
# shellcheck disable=SC2046
c++ -std=c++17 -Wall -Wextra -Werror -x c++ -fsyntax-only $(pkg-config --cflags weir) test/api/embed.c >"$scratch/log" 2>&1
say $? "the header compiles as C++17"
mkdir "$scratch/cm" && cp test/api/embed.c "$scratch/cm/" && cat >"$scratch/cm/CMakeLists.txt" <<'CM'
cmake_minimum_required(VERSION 3.25)
project(embed C)
find_package(Weir REQUIRED)
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE Weir::weir)
CM
cmake -S "$scratch/cm" -B "$scratch/cm/b" -DCMAKE_PREFIX_PATH="$scratch/usr" >"$scratch/log" 2>&1 &&
    cmake --build "$scratch/cm/b" >>"$scratch/log" 2>&1 && "$scratch/cm/b/embed" >>"$scratch/log" 2>&1
say $? "builds and runs with the CMake package"
stray=$(nm -D --defined-only "$libdir/libweir.so" | awk '{print $3}' | grep -v '^weir_' | grep -v '^WEIR_' || true)
[ -z "$stray" ]
say $? "nothing but weir_* is exported"
readelf -d "$libdir/libweir.so" | grep -q 'SONAME.*libweir.so.0'
say $? "the SONAME carries a version"
exit $failed
