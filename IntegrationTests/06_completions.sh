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
"$PIPE" completions zsh >_pipe && zsh -n _pipe
"$PIPE" completions fish >pipe.fish && fish --no-execute pipe.fish
contains "$(fish -c "source pipe.fish; complete -C 'pipe stages gene'")" generate
contains "$(fish -c "source pipe.fish; complete -C 'pipe validate --format sa'")" sarif
# zsh completes only at a prompt: give it one, and a tab.
python3 - <<'PYTHON'
import os, pty, select, time
child, terminal = pty.fork()
if child == 0: os.execvp("zsh", ["zsh", "-f", "-i"])
def wait_for(text):
    seen, deadline = b"", time.time() + 20
    while text not in seen:
        assert time.time() < deadline, (text, seen)
        if select.select([terminal], [], [], 0.2)[0]: seen += os.read(terminal, 65536)
os.write(terminal, b"PS1='%%'; autoload -Uz compinit; compinit -u -d ./dump; source ./_pipe; echo rea''dy\n")
wait_for(b"ready")
for typed, completed in [(b"pipe vali", b"validate"), (b"pipe stages gene", b"generate"), (b"pipe explain fan-", b"fan-out-can-freeze")]:
    os.write(terminal, typed + b"\t")
    wait_for(completed)
    os.write(terminal, b"\x15")
os.write(terminal, b"exit\n")
PYTHON
