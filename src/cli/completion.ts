/** Generates shell completion scripts from the declared commands and options. */
import type { Command, Option } from "commander";

interface Completable {
  /** `submit`, or `keys create`. */
  readonly path: string;
  readonly description: string;
  readonly options: readonly Option[];
  /** The subcommands, or the choices of the command's argument. */
  readonly words: readonly string[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, program: Command): string {
  const commands = completablesOf(program, "");
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands, program.options);
}

function completablesOf(parent: Command, prefix: string): Completable[] {
  return parent.commands.flatMap((command) => {
    const path = `${prefix}${command.name()}`;
    const words =
      command.commands.length > 0
        ? command.commands.map((child) => child.name())
        : command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
    return [
      { path, description: command.summary() || command.description(), options: command.options, words },
      ...completablesOf(command, `${path} `),
    ];
  });
}

const topOf = (commands: readonly Completable[]): readonly Completable[] =>
  commands.filter(({ path }) => !path.includes(" "));
const namesOf = (options: readonly Option[]): string[] =>
  options.flatMap(({ short, long }) => [long, short].filter((name) => name !== undefined));
const takesValue = ({ required, optional }: Option): boolean => required || optional;
/** Whether the value is a file after an `@`. */
const isFileOrJson = ({ flags }: Option): boolean => flags === "--payload <json>";
/** Whether the value is a file, perhaps after an `@`. */
const isFile = (option: Option): boolean => isFileOrJson(option) || option.long === "--file";

function bashScript(commands: readonly Completable[], globals: readonly Option[]): string {
  const all = [...globals, ...commands.flatMap(({ options }) => options)];
  const valued = [...new Set(namesOf(all.filter((option) => option.required)))];
  const choices = new Map(
    all.flatMap(({ long, argChoices }) => (argChoices && long ? [[long, argChoices.join(" ")]] : [])),
  );
  const words = (names: readonly string[]): string => names.join(" ");
  const paths = commands.map(({ path }) => `"${path}"`).join("|");
  return `# bash completion of taskflow: source <(taskflow completion bash)
_taskflow() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= at= i word next
  local globals="${words(namesOf(globals))} --help"
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${valued.join("|")}) ((i++)); continue ;;
      -*) continue ;;
    esac
    next="\${path:+$path }$word"
    case $next in ${paths}) path=$next ;; *) break ;; esac
  done
  case $prev in
${[...choices].map(([name, own]) => `    ${name}) COMPREPLY=($(compgen -W "${own}" -- "$cur")); return ;;\n`).join("")}    --payload) [[ $cur == @* ]] && at=@; COMPREPLY=($(compgen -P "$at" -f -- "\${cur#@}")); return ;;
    --file|-f) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${valued.filter((name) => !choices.has(name) && !["--payload", "--file", "-f"].includes(name)).join("|")}) return ;;
  esac
  case $path in
    "") COMPREPLY=($(compgen -W "${words(topOf(commands).map(({ path }) => path))} $globals" -- "$cur")) ;;
${commands.map(({ path, options, words: own }) => `    "${path}") COMPREPLY=($(compgen -W "${words([...own, ...namesOf(options)])} $globals" -- "$cur")) ;;\n`).join("")}  esac
}
complete -F _taskflow taskflow
`;
}

/** Options of several commands, each name once. */
const distinct = (options: readonly Option[]): Option[] => [
  ...new Map(options.map((option) => [option.long, option])).values(),
];

/** Escapes text for single quotes, which all three shells parse in the same way. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zshScript(commands: readonly Completable[], globals: readonly Option[]): string {
  const specOf = (option: Option): string[] => {
    const text = quoted(option.description).replaceAll(/[[\]:]/g, "\\$&");
    const value = takesValue(option)
      ? `:value:${option.argChoices ? `(${option.argChoices.join(" ")})` : isFileOrJson(option) ? "_files -P @" : isFile(option) ? "_files" : ""}`
      : "";
    return namesOf([option]).map((name) => `'${name}[${text}]${value}'`);
  };
  const specsOf = (options: readonly Option[]): string => options.flatMap(specOf).join(" ");
  const describe = (list: readonly Completable[]): string =>
    list
      .map(({ path, description }) => `'${path.split(" ").at(-1) ?? ""}:${quoted(description).replaceAll(":", "\\:")}'`)
      .join(" ");
  const branch = ({ path, options, words }: Completable): string => {
    const children = commands.filter((child) => child.path.startsWith(`${path} `));
    if (children.length === 0)
      return `    ${path}) _arguments -s $globals ${specsOf(options)}${words.length > 0 ? ` '*:word:(${words.join(" ")})'` : ""} ;;\n`;
    return `    ${path}) if (( CURRENT == 3 )); then local -a inner=(${describe(children)}); _describe command inner; else _arguments -s $globals ${specsOf(distinct(children.flatMap((child) => child.options)))}; fi ;;\n`;
  };
  return `#compdef taskflow
# zsh completion of taskflow: taskflow completion zsh > "\${fpath[1]}/_taskflow"
_taskflow() {
  local -a commands=(${describe(topOf(commands))})
  local -a globals=(${specsOf(globals)})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${topOf(commands).map(branch).join("")}  esac
}
if [[ $funcstack[1] == _taskflow ]]; then _taskflow "$@"; else compdef _taskflow taskflow; fi
`;
}

function fishScript(commands: readonly Completable[], globals: readonly Option[]): string {
  const seen = (path: string): string =>
    path
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
  const parents = topOf(commands)
    .filter(({ path }) => commands.some((child) => child.path.startsWith(`${path} `)))
    .map(({ path }) => path);
  /** Distinguishes `list` from `keys list`. */
  const within = (path: string): string =>
    path.includes(" ") || parents.includes(path)
      ? seen(path)
      : `${seen(path)}; and not __fish_seen_subcommand_from ${parents.join(" ")}`;
  const line = (condition: string, rest: string, files = "-f"): string =>
    `complete -c taskflow ${files}${condition === "" ? "" : ` -n '${condition}'`} ${rest}\n`;
  const optionLine = (condition: string, option: Option): string => {
    const names = [option.long ? `-l ${option.long.slice(2)}` : "", option.short ? `-s ${option.short.slice(1)}` : ""]
      .filter((name) => name !== "")
      .join(" ");
    const value = takesValue(option) ? ` -r${option.argChoices ? ` -a '${option.argChoices.join(" ")}'` : ""}` : "";
    return line(condition, `${names}${value} -d '${quoted(option.description)}'`, isFile(option) ? "-F" : "-f");
  };
  const wordLines = ({ path, words }: Completable): string => {
    return words.length === 0
      ? ""
      : line(`${seen(path)}; and not __fish_seen_subcommand_from ${words.join(" ")}`, `-a '${words.join(" ")}'`);
  };
  return [
    "# fish completion of taskflow: taskflow completion fish > ~/.config/fish/completions/taskflow.fish\n",
    ...topOf(commands).map(({ path, description }) =>
      line("__fish_use_subcommand", `-a ${path} -d '${quoted(description)}'`),
    ),
    ...topOf(commands).map(wordLines),
    ...commands.flatMap(({ path, options }) => options.map((option) => optionLine(within(path), option))),
    ...globals.map((option) => optionLine("", option)),
  ].join("");
}
