# Says what a compile step is made of: NAME TOOL ARGUMENTS. Leaves $PLACE/keys/NAME, of lines
#
#     key SHA256      of the arguments, the folder, and the content of all that the step reads
#     folder PATH     that it runs in
#     file PATH       of each source file and header among it, as the compiler names it
#
# and of no key where that can't be told. What differs in comments alone has the same key in C and
# C++, as far as no line moves: it is made of what the preprocessor leaves.
set -u
PLACE=/crossgate/steps
name=$1 tool=$2
shift 2
out=$PLACE/keys/$name part=$PLACE/keys/.$name
trap 'rm -f "$part" "$part".*' EXIT
command -v sha256sum > /dev/null || exit 0

sum() { sha256sum | cut -d ' ' -f 1; }
plain() {
    sed -e 's#/tmp/go-build[0-9]*#WORK#g' -e 's#TryCompile-[A-Za-z0-9_]\{6\}#TRY#g' \
        -e 's#meson-private/tmp[A-Za-z0-9_]*#TRY#g' -e 's#cmTC_[0-9a-f]*#TRY#g'
}
# What the arguments say, but for names that are another in each run.
said() { { pwd; printf '%s\n' "$tool" "$@"; } | plain; }
content() { [ -f "$1" ] && [ -r "$1" ] && printf '%s %s\n' "$2" "$(sum < "$1")"; }
ends() { { printf 'key ' && sum < "$part" && printf 'folder ' && pwd; } > "$part.out"; }

of_c() {
    said "$@" > "$part"
    sources= folders=
    for word; do
        case $word in
            -L?*) folders="$folders ${word#-L}" ;;
            -l?*)
                for folder in $folders; do
                    content "$folder/lib${word#-l}.a" "$word" >> "$part"
                    content "$folder/lib${word#-l}.so" "$word" >> "$part"
                done ;;
            *.c | *.cc | *.cpp | *.cxx | *.c++ | *.C | *.m | *.mm | *.S | *.sx | *.cu) sources=yes ;;
            @?*) content "${word#@}" "$word" >> "$part" ;;
            -*) ;;
            *) content "$word" "$word" >> "$part" ;;
        esac
    done
    [ -n "$sources" ] || { ends; return; }
    left=$# skip=
    while [ "$left" -gt 0 ]; do
        word=$1 left=$((left - 1))
        shift
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        case $word in
            -o | -MF | -MT | -MQ | -MJ) skip=yes ;;
            -c | -S | -M | -MM | -MD | -MMD | -MP | -MG | -o* | -MF* | -save-temps*) ;;
            *) set -- "$@" "$word" ;;
        esac
    done
    if SOURCE_DATE_EPOCH=0 "$tool" "$@" -E > "$part.i"; then
        plain < "$part.i" | sum >> "$part"
        ends
        sed -n 's/^# [0-9]* "\([^"<][^"]*\)".*/file \1/p' "$part.i" | sort -u >> "$part.out"
    else
        # It is to fail, as what a configure script tries.
        for word; do
            case $word in -*) ;; *) content "$word" "$word" >> "$part" ;; esac
        done
        ends
    fi
}

of_rust() {
    case " $* " in *" --crate-name "*) ;; *) said "$@" > "$part"; ends; return ;; esac
    said "$@" > "$part"
    left=$# skip=
    while [ "$left" -gt 0 ]; do
        word=$1 left=$((left - 1))
        shift
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        case $word in
            --emit | --out-dir | -o) skip=yes ;;
            --emit=* | --out-dir=*) ;;
            *=*.rlib | *=*.rmeta | *=*.so) content "${word#*=}" "${word%%=*}" >> "$part"; set -- "$@" "$word" ;;
            *) set -- "$@" "$word" ;;
        esac
    done
    for word; do
        case $word in
            native=*)
                for file in "${word#native=}"/*.a "${word#native=}"/*.so; do
                    content "$file" "${file##*/}" >> "$part"
                done ;;
        esac
    done
    # A file that is not there, or does not parse, has no key: the step counts as changed.
    "$tool" "$@" "--emit=dep-info=$part.d" || return
    sed -n 's/\\ / /g; s/^\([^#].*\):$/\1/p' "$part.d" | sort -u > "$part.f"
    while IFS= read -r file; do content "$file" "$file"; done < "$part.f" >> "$part"
    grep '^# env-dep:' "$part.d" >> "$part"
    ends
    sed 's/^/file /' "$part.f" >> "$part.out"
}

of_go() {
    said "$@" > "$part"
    before=
    for word; do
        [ "$before" != -importcfg ] || {
            plain < "$word"
            sed -n 's/^packagefile [^=]*=//p' "$word" | while IFS= read -r file; do
                content "$file" "$(printf %s "$file" | plain)"
            done
        } >> "$part"
        before=$word
        case $word in -*) ;; *.go | *.s | *.a | *.h) content "$word" "$(printf %s "$word" | plain)" >> "$part" ;; esac
    done
    ends
    for word; do
        case $word in *.go | *.s | *.h) [ ! -f "$word" ] || printf 'file %s\n' "$word" ;; esac
    done >> "$part.out"
}

case $tool in
    */rustc) of_rust "$@" ;;
    */pkg/tool/*) of_go "$@" ;;
    *) of_c "$@" ;;
esac
[ ! -s "$part.out" ] || mv "$part.out" "$out"
