#!/bin/sh
# The whole suite: sets up all that it needs, then types, lint, unused code, and every test from
# fast to slow. Fails when anything was skipped: a test that the machine can run and did not is not
# a test. With arguments, runs only these test files.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
PATH=$PATH:/usr/sbin:/sbin
sh scripts/setup.sh test

# Each file of tests is a process that would read the same sources again.
NODE_COMPILE_CACHE=$root/.cache/compile
export NODE_COMPILE_CACHE
results=$(mktemp -d)
trap 'rm -rf "$results" "$results.images"' EXIT
failed=0

# run NAME NODE-ARGUMENTS… : one run of the test runner, its counts kept in a file.
run() {
  name=$1
  shift
  echo "== $name"
  sh scripts/node.sh --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$results/$name" "$@" || failed=1
}

# Of the labs' tests these run alone: they look at the whole machine, at labs that were left behind,
# or at how fast or how free of loss something is. The others mostly wait, three at a time.
alone='bgp drift lab-switch latency leak many-pods switch two-labs'

lab_tests() {
  for file in test/lab/*.test.ts; do
    name=$(basename "$file" .test.ts)
    case " $alone " in
      *" $name "*) [ "$1" = alone ] || continue ;;
      *) [ "$1" = together ] || continue ;;
    esac
    echo "$file"
  done
}

system_tests() {
  find test/system -name '*.test.ts' ! -path 'test/system/bird/*' ! -path 'test/system/bgp/*' \
    ! -path 'test/system/etcd/*' | sort
}

count() {
  cat "$results"/* | sed -n "s/^# $1 //p" | awk '{ sum += $1 } END { print sum + 0 }'
}

# The images are built by what the machine has left; whoever needs them builds what is not there.
build_images() {
  nice -n 19 sh scripts/image.sh amd64 arm64 >"$results.images" 2>&1 ||
    echo 'test.sh: the images are not built yet' >>"$results.images"
}

if [ $# -gt 0 ]; then
  run chosen --test-concurrency=1 "$@"
else
  echo '== types, lint, unused code'
  node_modules/.bin/tsc --noEmit --incremental --tsBuildInfoFile .cache/types.tsbuildinfo
  node_modules/.bin/tsc --noEmit -p src/web
  node_modules/.bin/biome check --error-on-warnings .
  sh scripts/node.sh node_modules/knip/bin/knip.js
  sh scripts/build.sh
  run unit --test-isolation=none 'test/unit/**/*.test.ts' 'test/golden/**/*.test.ts' \
    'test/fuzz/**/*.test.ts' test/tidy.test.ts
  run sim --test-concurrency=2 'test/sim/**/*.test.ts'
  build_images &
  images=$!
  # BIRD and etcd mostly wait, and what comes after them runs one at a time.
  run waiting --test-concurrency=3 'test/system/bird/**/*.test.ts' 'test/system/bgp/**/*.test.ts' \
    'test/system/etcd/**/*.test.ts'
  # shellcheck disable=SC2046
  run system --test-concurrency=1 $(system_tests)
  wait "$images"
  cat "$results.images"
  # shellcheck disable=SC2046 # lists of words
  run lab --test-concurrency=3 $(lab_tests together)
  # shellcheck disable=SC2046
  run lab-alone --test-concurrency=1 $(lab_tests alone)
  run runtime --test-concurrency=1 'test/runtime/**/*.test.ts'
fi

skipped=$(($(count skipped) + $(count todo) + $(count cancelled)))
echo "$(count pass) passed, $(count fail) failed, $skipped skipped"
[ "$(count pass)" -gt 0 ] || { echo 'test.sh: no test ran' >&2; exit 1; }
[ "$skipped" -eq 0 ] || { echo 'test.sh: skipped tests are failures' >&2; exit 1; }
exit $failed
