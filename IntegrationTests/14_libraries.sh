# What the program is linked with is what scripts/runtime-packages.txt names: a container without one of them would not
# start it, and one too many is carried along for nothing.
list=$ROOT/scripts/runtime-packages.txt
if ! grep -q 'VERSION_CODENAME=bookworm' /etc/os-release; then
    echo 'not Debian 12: its packages have other names'
    exit 0
fi
package_of() {  # PATH: merged or not, dpkg knows a file by the name that its package gave it
    local path
    for path in "$1" "/usr$1" "${1#/usr}"; do dpkg -S "$path" 2>/dev/null && return; done
    fail "no package has $1"
}
needed=$(objdump -p "$PIPE" | awk '/NEEDED/ { print $2 }')
ldd "$PIPE" | awk 'NR == FNR { wanted[$1]; next } $1 in wanted && $3 ~ /^\/(usr\/)?lib\// { print $3 }' <(printf '%s\n' $needed) - \
    | while read -r library; do package_of "$(realpath "$library")"; done \
    | sed 's/:.*//' | sort -u | grep -vxE 'libc6|libgcc-s1' >linked || fail 'nothing is linked'
sed 's/ *#.*//; /^$/d' "$list" | sort -u >named
diff linked named || fail "scripts/runtime-packages.txt: '<' is linked and not named, '>' is named and not linked"
