#!/usr/bin/env bash
# Builds an image by the action's inputs, which come through the environment alone, and reports the result.
set -euo pipefail

fail() {
    echo "::error title=diskette::$1" >&2
    exit 1
}

command -v jq >/dev/null || fail "jq is needed, which GitHub's runners have"

arguments=(build --message-format github --progress plain)

# Sets `items` to the items of a list as docker's actions read them (getInputList of docker/actions-toolkit): records
# of CSV, where a field in quotes may hold commas and doubled quotes. Fields are separated by commas only if `comma` is
# yes; blanks around an item and empty items are left out.
read_list() {
    local text=$1 comma=$2 line field rest
    items=()
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line%$'\r'}
        trim "$line"
        if [[ -z $trimmed ]]; then continue; fi
        if [[ $comma == no && $trimmed != \"*\" ]]; then
            items+=("$trimmed")
            continue
        fi
        rest=$trimmed
        while [[ -n $rest ]]; do
            trim "$rest"
            rest=$trimmed
            field=
            if [[ $rest == \"* ]]; then
                rest=${rest#\"}
                while :; do
                    [[ $rest == *\"* ]] || fail "a quote is not closed in: $line"
                    field+=${rest%%\"*}
                    rest=${rest#*\"}
                    if [[ $rest != \"* ]]; then break; fi
                    field+=\"
                    rest=${rest#\"}
                done
            fi
            if [[ $comma == no ]]; then
                field+=$rest
                rest=
            else
                field+=${rest%%,*}
                if [[ $rest == *,* ]]; then rest=${rest#*,}; else rest=; fi
            fi
            trim "$field"
            if [[ -n $trimmed ]]; then items+=("$trimmed"); fi
        done
    done <<<"$text"
}

# Sets `trimmed` to the text without blanks around it.
trim() {
    trimmed=${1#"${1%%[![:space:]]*}"}
    trimmed=${trimmed%"${trimmed##*[![:space:]]}"}
}

# Adds an option for each item of a list.
each() {
    local item
    read_list "$2" "$3"
    for item in ${items[@]+"${items[@]}"}; do arguments+=("$1=$item"); done
}

# Adds an option if there is a value.
one() {
    trim "$2"
    if [[ -n $trimmed ]]; then arguments+=("$1=$trimmed"); fi
}

# Adds an option if an input is true.
flag() {
    case $2 in
        true | TRUE | True) arguments+=("$1") ;;
        false | FALSE | False | "") ;;
        *) fail "$3 must be true or false" ;;
    esac
}

if [[ -n ${INPUT_FILE:-} && -n ${INPUT_SPEC:-} ]]; then
    fail "file and spec mean the same: leave one of them out"
fi
one --file "${INPUT_FILE:-}${INPUT_SPEC:-}"

# Names: on lines, or with commas as docker's actions have them, or with blanks as buildah-build has them.
read_list "${INPUT_TAGS:-}" yes
tags=()
for item in ${items[@]+"${items[@]}"}; do
    read -r -a words <<<"$item"
    tags+=("${words[@]}")
done
# buildah-build has the name in `image`, and bare tags in `tags`.
image=${INPUT_IMAGE:-}
trim "$image"
image=$trimmed
if [[ -n $image && ${#tags[@]} == 0 ]]; then tags=(latest); fi
for tag in ${tags[@]+"${tags[@]}"}; do
    # docker/metadata-action and bake write type=raw and the like only before they make names of it.
    if [[ -n $image && $tag != */* && $tag != *:* ]]; then tag=$image:$tag; fi
    arguments+=("--tag=$tag")
done

each --label "${INPUT_LABELS:-}" no
each --annotation "${INPUT_ANNOTATIONS:-}" no
each --platform "${INPUT_PLATFORMS:-}" yes
each --build-arg "${INPUT_BUILD_ARGS:-}" no
each --build-context "${INPUT_BUILD_CONTEXTS:-}" no
one --target "${INPUT_TARGET:-}"
one --compression "${INPUT_COMPRESSION:-}"
one --authfile "${INPUT_REGISTRY_AUTH_FILE:-}"
one --tls-verify "${INPUT_TLS_VERIFY:-}"
flag --no-cache "${INPUT_NO_CACHE:-}" no-cache
flag --pull "${INPUT_PULL:-}" pull
flag --load "${INPUT_LOAD:-}" load

# The destination: `push`, `push-by-digest`, `output`, and docker's `outputs`.
push=no
case ${INPUT_PUSH:-} in
    true | TRUE | True) push=yes ;;
    false | FALSE | False | "") ;;
    *) fail "push must be true or false" ;;
esac
destinations=()
case ${INPUT_PUSH_BY_DIGEST:-} in
    true | TRUE | True)
        push=no
        destinations+=("type=image,push=true,push-by-digest=true")
        ;;
    false | FALSE | False | "") ;;
    *) fail "push-by-digest must be true or false" ;;
esac
trim "${INPUT_OUTPUT:-}"
if [[ -n $trimmed ]]; then destinations+=("$trimmed"); fi
while IFS= read -r line || [[ -n $line ]]; do
    trim "${line%$'\r'}"
    if [[ -n $trimmed ]]; then destinations+=("$trimmed"); fi
done <<<"${INPUT_OUTPUTS:-}"
for destination in ${destinations[@]+"${destinations[@]}"}; do arguments+=("--output=$destination"); done

work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/diskette.XXXXXX")
trap 'rm -rf "$work"' EXIT
check=no
case ${INPUT_CALL:-build} in
    build) ;;
    check) check=yes ;;
    *) fail "call must be build or check" ;;
esac
loads=no
case ${INPUT_LOAD:-} in true | TRUE | True) loads=yes ;; esac
if [[ $check == yes ]]; then
    arguments+=(--check)
elif [[ $push == yes ]]; then
    arguments+=(--push)
elif [[ ${#destinations[@]} == 0 && $loads == no && ${INPUT_EXTRA_ARGS:-} != *--push* ]]; then
    # As in docker's actions without a destination, the image is built, and kept by nobody.
    echo "::notice title=diskette::nothing is pushed or kept: push is false, and there is no output" >&2
    arguments+=("--output=oci:$work/image")
fi
while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    if [[ $line =~ [^[:space:]] ]]; then arguments+=("$line"); fi
done <<<"${INPUT_EXTRA_ARGS:-}"

if [[ $check == yes ]]; then
    diskette "${arguments[@]}" -- "${INPUT_CONTEXT:-.}" >&2
    exit 0
fi
arguments+=("--metadata-file=$work/metadata" "--iidfile=$work/imageid")
started=$SECONDS
diskette "${arguments[@]}" -- "${INPUT_CONTEXT:-.}" >&2
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
names=$(get '."image.name" // "" | split(",") | join("\n")')
digest=$(get '."containerimage.digest"')
image=$(head -n 1 <<<"$names")
image=${image%@*}
if [[ ${image##*/} == *:* ]]; then image=${image%:*}; fi
output digest "$digest"
output imageid "$(cat "$work/imageid")"
output metadata "$(cat "$work/metadata")"
# An image without a name is known by its digest.
output image "${image:-$digest}"
output tags "${names:-$digest}"
output platform-digests "$(get '."diskette.platforms" | map_values(.digest) | tojson')"

{
    echo "### diskette"
    echo
    echo "| Platform | Layers | Manifest |"
    echo "|---|--:|---|"
    size='def size: if . < 1048576 then "\(. / 1024 * 10 | round / 10) KiB" else "\(. / 1048576 * 10 | round / 10) MiB" end;'
    jq -r "$size"' if has("containerimage.digest") then [.] else [.[]] end | .[]."diskette.platforms" | to_entries[] |
        "| \(.key) | \([.value.layers[].size] | add // 0 | size) | `\(.value.digest)` |"' \
        "$work/metadata"
    echo
    # Nothing in a name can end the code that it stands in.
    jq -r "$size"' if has("containerimage.digest") then [.] else [.[]] end | .[] |
        (if ."image.name" then "`\(."image.name")` is " else "" end) + "`\(."containerimage.digest")`" +
        (if ."diskette.sent" then ", \(."diskette.sent" | size) sent" else "" end)' \
        "$work/metadata"
    echo
    echo "$seconds s"
} >>"$GITHUB_STEP_SUMMARY"
