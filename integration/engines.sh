#!/usr/bin/env bash
# Gets what `deploy/` is checked with beside the program itself: the schemas of Kubernetes, those of GitHub and GitLab,
# Helm's library, and a linter for Tekton. 500 MiB; tests that miss it say so, and check the rest.
set -uo pipefail
tools=$(dirname "$0")/../target/engines
mkdir -p "$tools"
get() {
    [ -e "$tools/$1" ] || pip install --quiet --target "$tools" "$2" 2>/dev/null ||
        echo "pip could not get $2" >&2
}
if type -P pip >/dev/null; then
    get kubernetes_validate kubernetes-validate==1.37.0
    get check_jsonschema check-jsonschema==0.39.0
    get helm_python helm-python-sdk==0.2.2
fi
if type -P npm >/dev/null && [ ! -e "$tools/node_modules" ]; then
    npm install --silent --no-audit --no-fund --prefix "$tools" @ibm/tekton-lint@1.1.0 >/dev/null ||
        echo "npm could not get the linter for Tekton" >&2
fi
