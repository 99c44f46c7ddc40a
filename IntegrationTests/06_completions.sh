# The completion of bash, asked as bash asks.
complete_bash() {
    bash -c '
        source <("$PIPE" completions bash)
        COMP_WORDS=("$@")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _pipe
        printf "%s\n" "${COMPREPLY[@]}"
    ' _ "$@"
}
contains "$(complete_bash pipe va)" validate
contains "$(complete_bash pipe stages ge)" generate
contains "$(complete_bash pipe explain fan)" fan-out-can-freeze
contains "$(complete_bash pipe new gr)" graph
contains "$(complete_bash pipe validate --format s)" sarif
contains "$(complete_bash pipe validate --off)" --offline
touch here.yaml
contains "$(complete_bash pipe graph he)" here.yaml
"$PIPE" completions bash | bash -n
if command -v zsh >/dev/null; then "$PIPE" completions zsh | zsh -n; fi
if command -v fish >/dev/null; then "$PIPE" completions fish | fish --no-execute; fi
