# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for tracecmd. Sub-commands and options come from the program's own
# help; events, tracers, clocks, options, functions and instances from
# 'tracecmd list' (empty where tracefs cannot be read).

# The options in a command's help: in lines that begin with one, remarks in
# parentheses left out.
_tracecmd_options()
{
	"$1" "$2" --help 2>/dev/null | grep -E '^ +-' | sed 's/([^)]*)//g' |
		grep -oE '(^|[ ,])--?[A-Za-z][-A-Za-z0-9_]*' | tr -d ' ,' | sort -u
}

_tracecmd_commands()
{
	"$1" --help 2>/dev/null | awk '/^commands:/ { on = 1; next } on && NF == 0 { exit } on { print $1 }'
}

# The commands in control's help
_tracecmd_controls()
{
	"$1" control --help 2>/dev/null | awk '/^Commands/ { on = 1; next } on && /^  [a-z]/ { print $1 }'
}

# "plugin:option" of each plugin's options
_tracecmd_plugin_options()
{
	"$1" list -O 2>/dev/null | awk '$1 == "plugin:" { plugin = $2 } $1 == "option:" { print plugin ":" $2 }'
}

# "system:event"; names alone, which mean the same, only once one is begun: else each event
# would be offered twice. $2: what is typed so far
_tracecmd_events()
{
	local with_names=1

	[[ -z $2 || $2 == *:* ]] && with_names=
	"$1" list -e 2>/dev/null | awk -F: -v names=$with_names '{ print } names && !seen[$2]++ { print $2 }'
}

# $1: program, $2: command, $3: the word before the one being typed, $4: that one
_tracecmd_values()
{
	local codecs='any none zstd lz4 zlib'

	case $2:$3 in
	control:control|control:[0-9]*) printf '%s\n' $(_tracecmd_controls "$1"); return ;;
	control:-p) ls /run/tracecmd 2>/dev/null | sed -n 's/^control\.//p'; return ;;
	record:-e|stream:-e|start:-e|set:-e|extract:-e|count:-e|list:-e|show:--hist|show:--trigger|record:--trigger) _tracecmd_events "$1" "$4" ;;&
	record:-e|stream:-e|start:-e|set:-e|extract:-e|count:-e) "$1" list -s 2>/dev/null; return ;;
	list:-e|show:--hist|show:--trigger|record:--trigger) return ;;
	record:-p|stream:-p|start:-p|set:-p|extract:-p) "$1" list -t 2>/dev/null | tr ' ' '\n'; return ;;
	record:-C|stream:-C|start:-C|set:-C) "$1" list -C 2>/dev/null | tr -d '[]' | tr ' ' '\n'; return ;;
	report:-O) _tracecmd_plugin_options "$1"; return ;;
	record:-O|stream:-O|start:-O|set:-O|extract:-O) "$1" list -o 2>/dev/null | sed 's/^no//; p; s/^/no/'; return ;;
	record:-[lng]|stream:-[lng]|start:-[lng]|set:-[lng]|extract:-[lng]) "$1" list -f 2>/dev/null; return ;;
	reset:-k) printf '%s\n' kprobe kretprobe uprobe uretprobe eprobe synth fprobe tprobe all; return ;;
	probe:--kind) printf '%s\n' kprobe kretprobe uprobe uretprobe eprobe synth fprobe tprobe user all; return ;;
	convert:--from) echo perf; return ;;
	trigger:trigger) printf '%s\n' add list del clear show pause continue empty; return ;;
	trigger:add|trigger:list|trigger:del|trigger:show|trigger:pause|trigger:continue|trigger:empty)
		_tracecmd_events "$1" "$4"; "$1" list -s 2>/dev/null; return ;;
	trigger:--functions) "$1" list -f 2>/dev/null; return ;;
	trigger:--sort) printf '%s\n' hitcount hitcount:descending; return ;;
	sqlhist:-[mcnS]) return ;;
	sqlhist:[Ff][Rr][Oo][Mm]|sqlhist:[Jj][Oo][Ii][Nn]) "$1" list -e 2>/dev/null | tr : .; return ;;
	sqlhist:[!-]*) printf '%s\n' SELECT FROM AS JOIN ON WHERE CAST AND OR NOT TIMESTAMP{,_DELTA}{,_USECS} STACKTRACE; return ;;
	listen:-d|listen:--dir|collect:-d|collect:--dir) compgen -d -- "$4"; return ;;
	list:--usdt) compgen -f -- "$4"; return ;;
	probe:probe) printf '%s\n' add list del clear; return ;;
	user-event:user-event) printf '%s\n' list status register delete write; return ;;
	user-event:list|user-event:status|user-event:delete|user-event:write)
		"$1" user-event list 2>/dev/null | sed 's/^[^:]*://; s/ .*//'; return ;;
	probe:del|probe:list) "$1" probe list 2>/dev/null | awk 'NR > 1 { print $2 }'; return ;;
	esac
	case $3 in
	-B) "$1" list -B 2>/dev/null | grep -v '^No ' ;;
	--compression) tr ' ' '\n' <<<"$codecs" ;;
	--format) printf '%s\n' text json csv ;;
	--on-trigger) printf '%s\n' end save ;;
	--rotate|--keep-last) printf '%s\n' 10s 1m 1h 64M 1G ;;
	--pre|--post) printf '%s\n' 1s 10s 1m ;;
	--compress) printf '%s\n' live after none ;;
	--file-version) printf '%s\n' 6 7 ;;
	--user) compgen -u ;;
	*) return 1 ;;
	esac
}

_tracecmd()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words values
	local before=" ${COMP_WORDS[*]:2:COMP_CWORD-2} "

	# what machines are asked for are options of record
	[[ $command == collect && $before == *' -- '* ]] && command=record

	# "sys:event" is split at the colon by bash's word breaks; join it again
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev
	fi
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(_tracecmd_commands "$1")
	elif [[ $cur == -* && $COMP_CWORD == 2 ]]; then
		words=$(_tracecmd_options "$1" "$command")
	elif values=$(_tracecmd_values "$1" "$command" "$prev" "$cur"); then
		words=$values
	elif [[ $cur == -* ]]; then
		words=$(_tracecmd_options "$1" "$command")
	elif [ "$command" = help ]; then
		words=$(_tracecmd_commands "$1")
	else
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}
complete -o bashdefault -o default -F _tracecmd tracecmd
