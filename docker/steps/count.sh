# Counts the instructions of a compile step: NAME TOOL ARGUMENTS. Only those are counted whose
# digest stands in $PLACE/counted; what is counted takes fifty times as long. Leaves
# $PLACE/counts/NAME.PID for each process, as cachegrind writes it.
#
# Counts are the same each time as far as nothing that a compiler sees is another: the name of the
# step is taken out of the environment. gcc's temporary files keep their length, not their names,
# which moves those of a link by some in a million.
PLACE=/crossgate/steps
name=$1
shift
export CROSSGATE_STEP=1
sum=$({ pwd; printf '%s\n' "$@"; } | sha256sum | cut -d ' ' -f 1)
grep -qx "$sum" $PLACE/counted 2> /dev/null || exec "$@"
exec valgrind --quiet --tool=cachegrind --cache-sim=no --trace-children=yes \
    --cachegrind-out-file="$PLACE/counts/$name.%p" --log-file=/dev/null "$@"
