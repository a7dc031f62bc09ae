"""How a reliability card looks, in light and in dark."""

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2430; --muted: #5b6472; --rule: #d9dee6; --soft: #f3f5f8;
  --own: #2a6fb0; --other: #a9b4c2; --floor: #b4471f; --good: #1d7a46; --part0: #2a6fb0; --part1: #c0793a;
  --part2: #6d9a4b; --part3: #a9b4c2; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e6eaf0; --muted: #a3adbb; --rule: #323a46;
  --soft: #1d232c; --own: #6fb1ee; --other: #5d6977; --floor: #f0925f; --good: #67cf95; --part0: #6fb1ee;
  --part1: #dfa063; --part2: #9cca78; --part3: #5d6977; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 20px 60px; max-width: 860px; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .3em; } h2 { font-size: 1.15em; margin: 2em 0 .5em;
  border-top: 1px solid var(--rule); padding-top: 1em; }
p { margin: .5em 0; } .muted, figcaption, caption { color: var(--muted); font-size: .9em; }
.verdict { border-left: 5px solid var(--floor); background: var(--soft); padding: .8em 1.1em; margin: 1em 0; }
.verdict.useful { border-color: var(--good); } .verdict strong { font-size: 1.15em; }
.note { background: var(--soft); padding: .5em 1em; margin: .5em 0; }
.wide { overflow-x: auto; } .hashes td { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .92em; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3em; }
th, td { text-align: left; padding: .35em .7em .35em 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } tr.own td:first-child, tr.own td.n { font-weight: 600; }
code { font: .85em ui-monospace, monospace; }
figure { margin: 1em 0; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 11.5px system-ui, sans-serif; } svg text.floor { fill: var(--floor); }
.own { fill: var(--own); } .other { fill: var(--other); } .floor { stroke: var(--floor); stroke-width: 2; }
text.floor { stroke: none; } .range { stroke: var(--other); stroke-width: 5; }
.part0 { fill: var(--part0); } .part1 { fill: var(--part1); } .part2 { fill: var(--part2); }
.part3 { fill: var(--part3); }
.curve0 { fill: none; stroke: var(--own); stroke-width: 2; }
.curve1 { fill: none; stroke: var(--muted); stroke-width: 1.5; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 14px; }
.maps figure { margin: 0; } .maps svg + svg { margin-top: 7px; }
ul { padding-left: 1.2em; } dt { font-weight: 600; margin-top: .5em; } dd { margin: 0; }
"""
