# Counts the instructions of a compile step: NAME TOOL ARGUMENTS. Only those are counted whose
# digest stands in $PLACE/counted; what is counted takes fifty times as long. Leaves
# $PLACE/counts/NAME.PID for each process, as cachegrind writes it.
#
# Counts are the same each time, to the last instruction, as far as nothing that a compiler sees is
# another: neither the names of its temporary files (steady.c) nor their folder, the seed of what
# it draws, the day, make's pipes, nor what runs beside it: an optimisation at link time is done
# part after part.
PLACE=/crossgate/steps
name=$1
shift
export CROSSGATE_STEP=1
sum=$({ pwd; printf '%s\n' "$@"; } | sha256sum | cut -d ' ' -f 1)
grep -qx "$sum" $PLACE/counted 2> /dev/null || exec "$@"
mkdir -p "$PLACE/tmp/$sum"
tool=$1 left=$(($# - 1))
shift
while [ "$left" -gt 0 ]; do
    word=$1 left=$((left - 1))
    shift
    case $word in -flto=*) word=-flto=1 ;; esac
    set -- "$@" "$word"
done
case ${tool##*/} in
    *-ar | *-nm | *-ranlib) ;;
    *gcc* | *g++* | cc | c++ | *-cc | *-c++) set -- -frandom-seed=crossgate "$@" ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR OLDPWD _
export TMPDIR="$PLACE/tmp/$sum" CROSSGATE_SEED="$sum" LD_PRELOAD="$PLACE/steady.so"
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1000000000}" PYTHONHASHSEED=0 PERL_HASH_SEED=0
exec valgrind --quiet --tool=cachegrind --cache-sim=no --trace-children=yes --vgdb=no \
    --cachegrind-out-file="$PLACE/counts/$name.%p" --log-file=/dev/null "$tool" "$@"
