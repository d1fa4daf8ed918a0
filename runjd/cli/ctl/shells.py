"""
Scripts by which shells complete command lines: each asks ``runjctl completion words PROGRAM WORD...``.

What comes back is a candidate on each line, with what it is behind a TAB, or
``:files`` or ``:directories``, which the shell knows better.
"""

_BASH = r"""# bash completion of runjctl and runj
_runjd() {
    local line current=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    [ "$current" != = ] || current=
    while IFS= read -r line; do
        case $line in
            :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
            :directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(runjctl completion words "${1##*/}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _runjd runjctl runj
"""

_ZSH = r"""#compdef runjctl runj
_runjd() {
    local line
    local -a found
    while IFS= read -r line; do
        case $line in
            :files) _files; return ;;
            :directories) _files -/; return ;;
            *) found+=("${${line//:/\\:}/$'\t'/:}") ;;
        esac
    done < <(runjctl completion words "${words[1]:t}" "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#found )) && _describe -V word found
}
if [ "$funcstack[1]" = _runjctl ] || [ "$funcstack[1]" = _runj ]; then
    _runjd "$@"
else
    compdef _runjd runjctl runj
fi
"""

_FISH = r"""# fish completion of runjctl and runj
function __runjd_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '.*/' '' -- $words[1])
    for line in (runjctl completion words $program $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':directories'
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c runjctl -f -a '(__runjd_complete)'
complete -c runj -f -a '(__runjd_complete)'
"""

#: by the shell's name
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
