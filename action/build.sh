#!/usr/bin/env bash
# Builds an image by the action's inputs, which come through the environment alone, and says what came of it.
set -euo pipefail

fail() {
    echo "::error title=diskette::$1" >&2
    exit 1
}

command -v jq >/dev/null || fail "jq is needed, which GitHub's runners have"

arguments=(build --message-format github --progress plain)

# Adds an option for each line of a text that has anything in it.
each() {
    local option=$1 line
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line%$'\r'}
        if [[ $line =~ [^[:space:]] ]]; then arguments+=("$option=$line"); fi
    done <<<"$2"
}

# Adds an option if there is a value.
one() {
    if [[ -n $2 ]]; then arguments+=("$1=$2"); fi
}

if [[ -n $INPUT_FILE && -n $INPUT_SPEC ]]; then
    fail "file and spec mean the same: leave one of them out"
fi
one --file "$INPUT_FILE$INPUT_SPEC"
each --tag "$INPUT_TAGS"
each --label "$INPUT_LABELS"
# docker/metadata-action writes the level in front: manifest:KEY=VALUE, index,manifest:KEY=VALUE.
levels='(manifest|index|manifest-descriptor|index-descriptor)(\[[^]]*\])?'
each --annotation "$(sed -E "s/^$levels(,$levels)*://" <<<"$INPUT_ANNOTATIONS")"
each --platform "${INPUT_PLATFORMS//,/$'\n'}"
each --build-arg "$INPUT_BUILD_ARGS"
one --target "$INPUT_TARGET"
one --output "$INPUT_OUTPUT"
one --compression "$INPUT_COMPRESSION"
one --authfile "$INPUT_REGISTRY_AUTH_FILE"
one --tls-verify "$INPUT_TLS_VERIFY"
case $INPUT_PUSH in
    true) arguments+=(--push) ;;
    false | "") ;;
    *) fail "push must be true or false" ;;
esac
while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ [^[:space:]] ]]; then arguments+=("$line"); fi
done <<<"$INPUT_EXTRA_ARGS"

work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/diskette.XXXXXX")
trap 'rm -rf "$work"' EXIT
arguments+=("--metadata-file=$work/metadata" "--iidfile=$work/imageid")
started=$SECONDS
diskette "${arguments[@]}" -- "$INPUT_CONTEXT" >&2
seconds=$((SECONDS - started))

# Several images in one spec have a key for each; the outputs are those of the first.
first='if has("containerimage.digest") then . else (to_entries | first | .value) end'
get() {
    jq -r "$first | $1" "$work/metadata"
}
output() {
    local mark
    mark=end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s<<%s\n%s\n%s\n' "$1" "$mark" "$2" "$mark" >>"$GITHUB_OUTPUT"
}
names=$(get '."image.name" | split(",") | join("\n")')
image=$(head -n 1 <<<"$names")
image=${image%@*}
if [[ ${image##*/} == *:* ]]; then image=${image%:*}; fi
output digest "$(get '."containerimage.digest"')"
output imageid "$(cat "$work/imageid")"
output metadata "$(cat "$work/metadata")"
output image "$image"
output tags "$names"
output platform-digests "$(get '."diskette.platforms" | map_values(.digest) | tojson')"

{
    echo "### diskette"
    echo
    echo "| Platform | Layers | Manifest |"
    echo "|---|--:|---|"
    jq -r 'if has("containerimage.digest") then [.] else [.[]] end | .[]."diskette.platforms" | to_entries[] |
        "| \(.key) | \([.value.layers[].size] | add / 1048576 * 10 | round / 10) MiB | `\(.value.digest)` |"' \
        "$work/metadata"
    echo
    # Nothing in a name can end the code that it stands in.
    jq -r 'if has("containerimage.digest") then [.] else [.[]] end | .[] |
        "`\(."image.name")` is `\(."containerimage.digest")`" +
        (if ."diskette.sent" then ", \(."diskette.sent" / 1048576 * 10 | round / 10) MiB sent" else "" end)' \
        "$work/metadata"
    echo
    echo "$seconds s"
} >>"$GITHUB_STEP_SUMMARY"
