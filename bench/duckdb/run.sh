#!/usr/bin/env bash
# Asks Nave and DuckDB the same audiences, word for word, and compares every answer. See compare.py.
#   bench/duckdb/run.sh                                  builds the release binary, 20 warm runs of each statement
#   bench/duckdb/run.sh --nave target/debug/nave --runs 1    another binary, answers only
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv="$here/.venv"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
case " $* " in
  *" --nave"*) ;;
  *) (cd "$here/../.." && cargo build --release --locked --package nave-server) ;;
esac
exec "$venv/bin/python" "$here/compare.py" "$@"
