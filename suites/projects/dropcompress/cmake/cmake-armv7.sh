#!/bin/sh
# CMake, with the name by which libaom knows the CPU behind the one that its crate gives ("arm", for
# which it builds half of what NEON needs); the last one counts. Its crate brings a toolchain file
# for this CPU alone, so that target.cmake can't say it.
case $1 in
    -*) exec cmake "$@" ;;
    *) exec cmake "$@" -DAOM_TARGET_CPU=armv7 ;;
esac
