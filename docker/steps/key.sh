# Says what a compile step is made of: NAME TOOL ARGUMENTS. Leaves $PLACE/keys/NAME, of lines
#
#     key SHA256      of the arguments, the folder, the environment, and the content of all that the
#                     step reads
#     folder PATH     that it runs in
#     file PATH       of each source file and header among it, as the compiler names it
#     blind WORD      for an argument that leads to files that no argument names
#
# and of no key where that can't be told. It is run before the step, and after it with
# CROSSGATE_READS, a file with the names of all files that the step was seen to read (watch.c): the
# key is then of them, too, and nothing is blind any more. What differs in comments alone has the
# same key in C and C++, as far as no line moves: it is made of what the preprocessor leaves.
set -uf
PLACE=/crossgate/steps
name=$1 tool=$2
shift 2
out=$PLACE/keys/$name part=$PLACE/keys/.$name
trap 'set +f; rm -f "$part" "$part".*' EXIT
command -v sha256sum > /dev/null || exit 0
line_end='
'

sum() { sha256sum | cut -d ' ' -f 1; }
plain() {
    LC_ALL=C sed -e 's#/tmp/go-build[0-9]*#WORK#g' -e 's#TryCompile-[A-Za-z0-9_]\{6\}#TRY#g' \
        -e 's#meson-private/tmp[A-Za-z0-9_]*#TRY#g' -e 's#cmTC_[0-9a-f]*#TRY#g'
}
# The environment but for what is another in each run, or of no compiler's concern.
around() {
    env | grep -v -E '^(_|PWD|OLDPWD|SHLVL|HOSTNAME|CROSSGATE_[A-Z]*|MAKEFLAGS|MFLAGS|MAKELEVEL|MAKE_TERM[A-Z]*|CARGO_MAKEFLAGS|NUM_JOBS)=' |
        LC_ALL=C sort
}
# What the arguments say, but for names that are another in each run; and what is called.
said() { { pwd; printf '%s\n' "$tool" "$@"; around; } | plain; content "$tool" tool; }
content() { [ -f "$1" ] && [ -r "$1" ] && printf '%s %s\n' "$2" "$(sum < "$1")"; }
ends() { { printf 'key ' && sum < "$part" && printf 'folder ' && pwd; } > "$part.out"; }
blind() { printf 'blind %s\n' "$1" >> "$part.b"; }

# A file among the arguments. A thin archive is names of files only (ar(1), T).
given() {
    content "$1" "$1" >> "$part" || return
    printf 'file %s\n' "$1" >> "$part.g"
    [ "$(head -c 7 "$1" 2> /dev/null)" != '!<thin>' ] || blind "$1"
}
# Every file that a part of an argument names: after a comma, a sign of equality, or the letter of
# an option.
parts() {
    old=$IFS IFS=,=
    for piece in $1; do
        IFS=$old
        [ ! -f "$piece" ] || given "$piece"
        case $piece in
            -include?* | -imacros?*) given "${piece#-i??????}" ;;
            -[!-]?*) [ ! -f "${piece#-?}" ] || given "${piece#-?}" ;;
        esac
    done
    IFS=$old
}
# The libraries that a link takes from its own folders: of all of them, whichever comes first.
libraries() {
    before= folders= wanted=
    for word; do
        old=$IFS IFS=,
        for piece in $word; do
            case $before$piece in
                -L?*) folders="$folders$line_end${before:+}$(printf %s "$before$piece" | cut -c 3-)" ;;
                -l?*) wanted="$wanted$line_end$(printf %s "$before$piece" | cut -c 3-)" ;;
            esac
            case $piece in -L | -l) before=$piece ;; *) before= ;; esac
        done
        IFS=$old
    done
    old=$IFS IFS=:
    for piece in ${LIBRARY_PATH:-}; do folders="$folders$line_end$piece"; done
    IFS=$line_end
    for folder in $folders; do
        for piece in $wanted; do
            case $piece in
                :*) [ ! -f "$folder/${piece#:}" ] || given "$folder/${piece#:}" ;;
                *) for file in "$folder/lib$piece.so" "$folder/lib$piece.a"; do
                    [ ! -f "$file" ] || given "$file"
                done ;;
            esac
        done
    done
    IFS=$old
}

of_c() {
    said "$@" > "$part"
    # Response files: their words take their place.
    again=yes depth=0
    while [ -n "$again" ]; do
        again= left=$# depth=$((depth + 1))
        [ "$depth" -lt 6 ] || return
        while [ "$left" -gt 0 ]; do
            word=$1 left=$((left - 1))
            shift
            case $word in
                @?*) if [ -f "${word#@}" ]; then
                    again=yes
                    given "${word#@}"
                    xargs -r printf '%s\n' < "${word#@}" > "$part.w" || return
                    while IFS= read -r each; do set -- "$@" "$each"; done < "$part.w"
                    continue
                fi ;;
            esac
            set -- "$@" "$word"
        done
    done
    sources= skip=
    for word; do
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        case $word in
            -o | -MF | -MT | -MQ | -MJ) skip=yes ;;
            *.c | *.cc | *.cp | *.cpp | *.cxx | *.c++ | *.C | *.CPP | *.m | *.mm | *.S | *.sx | *.cu) sources=yes ;;
            *.h | *.hh | *.H | *.hp | *.hpp | *.hxx | *.h++ | -x*) sources=yes ;;
            -T* | -Wl,*-T* | -Wl,*script* | --sysroot* | -isysroot* | -B* | -specs* | --specs* | \
                -fplugin=* | -fpass-plugin=* | -load | -fprofile-use* | -fbranch-prob* | -fauto-profile* | \
                -fmodule*) blind "$word"; parts "$word" ;;
            *) parts "$word" ;;
        esac
    done
    libraries "$@"
    if [ -z "$sources" ]; then
        ends
        return
    fi
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
        sed -n 's/^# [0-9]* "\([^"<][^"]*\)".*/\1/p' "$part.i" | LC_ALL=C sort -u > "$part.f"
        # A precompiled header takes the place of its header, whose text says nothing of it.
        while IFS= read -r file; do
            for made in "$file.gch" "$file.pch"; do
                [ ! -d "$made" ] || blind "$made"
                content "$made" "$made" >> "$part"
            done
        done < "$part.f"
        ends
        sed 's/^/file /' "$part.f" >> "$part.out"
    else
        # It is to fail, as what a configure script tries.
        for word; do
            case $word in -*) ;; *) content "$word" "$word" >> "$part" ;; esac
        done
        ends
    fi
}

of_rust() {
    said "$@" > "$part"
    case " $* " in *" --crate-name "*) ;; *) ends; return ;; esac
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
            *) parts "$word"; set -- "$@" "$word" ;;
        esac
    done
    for word; do
        case $word in
            native=*)
                set +f
                for file in "${word#native=}"/*.a "${word#native=}"/*.so; do
                    content "$file" "${file##*/}" >> "$part"
                done
                set -f ;;
        esac
    done
    # A file that is not there, or does not parse, has no key: the step counts as changed.
    "$tool" "$@" "--emit=dep-info=$part.d" || return
    sed -n 's/\\ / /g; s/^\([^#].*\):$/\1/p' "$part.d" | LC_ALL=C sort -u > "$part.f"
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

# Into the key goes what was read besides what is in it by its text; of the image's own files,
# which no build can write, the image tells.
of_reads() {
    [ -s "$out" ] || return
    sed -n 's/^file //p' "$out" | tr '\n' '\0' | xargs -0 -r realpath > "$part.f" 2> /dev/null
    LC_ALL=C sort -u "$1" | grep -vxFf "$part.f" | while IFS= read -r file; do
        case $file in
            "$PLACE"/* | /proc/* | /sys/* | /dev/*) continue ;;
            # A day of the week that go draws for what it would report.
            */go/telemetry/*) continue ;;
            /usr/* | /lib* | /bin/* | /sbin/* | /etc/* | /opt/*) [ -O "$file" ] || continue ;;
        esac
        [ -f "$file" ] && [ -r "$file" ] || continue
        printf '%s\n' "$file" >> "$part.r"
    done
    sed -n 's/^key //p' "$out" > "$part"
    if [ -s "$part.r" ]; then
        while IFS= read -r file; do
            printf '%s %s\n' "$(printf %s "$file" | plain)" "$(plain < "$file" | sum)"
        done < "$part.r" >> "$part"
    fi
    { printf 'key ' && sum < "$part"; grep '^fol' "$out"; grep '^file' "$out"; } > "$part.out"
    [ ! -s "$part.r" ] || sed 's/^/file /' "$part.r" >> "$part.out"
}

if [ -n "${CROSSGATE_READS:-}" ]; then
    of_reads "$CROSSGATE_READS"
else
    case $tool in
        */zig) case ${1:-} in cc | c++ | ar | ranlib | lib | dlltool | objcopy | rc) ;; *) blind build ;; esac
            of_c "$@" ;;
        */rustc) of_rust "$@" ;;
        */pkg/tool/*) of_go "$@" ;;
        *ar) case " $* " in *" -M "*) ;; *) of_c "$@" ;; esac ;;
        *) of_c "$@" ;;
    esac
    [ ! -s "$part.out" ] || cat "$part.b" "$part.g" >> "$part.out" 2> /dev/null
fi
[ ! -s "$part.out" ] || mv "$part.out" "$out"
