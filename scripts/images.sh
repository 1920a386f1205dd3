#!/usr/bin/env bash
# Builds both images and runs them with Postgres, a store, two workers and two APIs behind a proxy: health, token, the page,
# a play that goes on when one of the APIs ends, a run that the APIs read from the store alone, a stop.
# Needs Docker with its compose plugin, or podman with podman-compose; ports 8000, 8080 and 8501 must be free.
# BUILD_OPTIONS are handed to the build, such as a mirror's certificate: BUILD_OPTIONS='--network host'.
set -euo pipefail
cd "$(dirname "$0")/.."

if docker info > /dev/null 2>&1; then engine=docker compose="docker compose"; else engine=podman compose=podman-compose; fi
command -v "${compose%% *}" > /dev/null || { echo "neither a running Docker nor podman with podman-compose is here" >&2; exit 1; }

for target in frontend backend; do
    begun=$SECONDS
    # shellcheck disable=SC2086 # several options in one variable
    $engine build ${BUILD_OPTIONS:-} --target $target -t diswm-$target . > build-$target.log 2>&1 \
        || { tail -20 build-$target.log >&2; exit 1; }
    rm build-$target.log
    echo "$target: built in $((SECONDS - begun)) s, $($engine image inspect -f '{{.Size}}' diswm-$target | awk '{printf "%.2f GB", $1 / 1e9}')"
done

DISWM_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
DISWM_DATABASE_PASSWORD=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
AWS_SECRET_ACCESS_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
export DISWM_TOKEN DISWM_DATABASE_PASSWORD AWS_SECRET_ACCESS_KEY
export DISWM_STORE=s3://diswm AWS_ENDPOINT_URL=http://store:8333 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=diswm
stack() { $compose -p diswm-check -f compose.yaml -f compose.postgres.yaml -f compose.store.yaml -f compose.replicas.yaml "$@"; }
clean() { # podman-compose forgets the further workers, which hold the volumes
    if [ $engine = podman ]; then
        podman ps -aq --filter label=io.podman.compose.project=diswm-check | xargs -r podman rm -f -t 5
    fi
    stack down -v
}
trap 'stack logs --tail 20 >&2 || true' ERR
trap 'clean > /dev/null 2>&1 || true' EXIT

site=http://127.0.0.1:8080 # the proxy
api() { curl -sS --noproxy '*' -H "Authorization: Bearer $DISWM_TOKEN" "$site$1" "${@:2}"; }
field() { python3 -c "import json, sys; value = json.load(sys.stdin)
for key in sys.argv[1].split('.'): value = value[int(key)] if key.isdigit() else value[key]
print(value)" "$1"; }
await() { # await SECONDS WHAT COMMAND...
    local until=$((SECONDS + $1))
    until "${@:3}" > /dev/null 2>&1; do
        [ $SECONDS -lt $until ] || { echo "$2: not within $1 s" >&2; return 1; }
        sleep 1
    done
    echo "$2"
}
workers() { [ "$(api /api/v1/workers | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["items"]))')" = 2 ]; }
succeeded() { [ "$(api "/api/v1/runs/$run" | field state)" = succeeded ]; }
page() { curl -sSf --noproxy '*' http://127.0.0.1:8501/_stcore/health; }

clean > /dev/null 2>&1 || true # what an earlier check left
stack up -d --scale worker=2 > stack.log 2>&1 || { cat stack.log >&2; exit 1; }
rm stack.log
await 120 "the API answers" curl -sSf --noproxy '*' $site/healthz
refused=$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' $site/api/v1/runs)
[ "$refused" = 401 ] && echo "without the token: 401"
await 120 "two workers are there" workers
run=$(api /api/v1/runs -H 'Content-Type: application/json' -d '{"stage": "collect", "settings": {"episodes": 4}}' | field id)
await 300 "a worker has collected $run" succeeded
objects=$(stack exec -T api python -c 'import os, sys
from backend.data.store.opening import open_store
print(len(list(open_store(os.environ["DISWM_STORE"]).keys(f"runs/{sys.argv[1]}"))))' "$run")
[ "$objects" -gt 0 ] && [ "$(stack exec -T api cat /data/home-id)" != "$(stack exec -T worker cat /data/home-id)" ]
echo "it is in the store, as $objects objects; the workers' disk is not the API's"
await 60 "the API has its data set from the store" api "/api/v1/datasets/$run" -f
echo "it has $(api "/api/v1/datasets/$run" | field frames) frames"
await 120 "the page answers" page
stack exec -T page python -c 'import importlib.util as i; raise SystemExit(any(map(i.find_spec, ("torch", "mujoco"))))' \
    && echo "the page has neither torch nor MuJoCo"
play=$(api /api/v1/checkpoints/cartpole-swingup-policy/plays -H 'Content-Type: application/json' -d '{"seed": 1}' | field id)
step() { api "/api/v1/plays/$play/steps" -H 'Content-Type: application/json' -d '{}' | field step; }
steps="$(step) $(step)"
stack stop -t 0 api-2 > /dev/null 2>&1
steps="$steps $(step) $(step)"
[ "$steps" = "1 2 3 4" ]
echo "a play behind the proxy went on when one of both APIs ended"
begun=$SECONDS
stack stop worker > /dev/null 2>&1
echo "both workers stopped in $((SECONDS - begun)) s"
