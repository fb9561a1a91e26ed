import { type Html, html } from "./markup.ts";

/** Everything a page needs is in it: no font, script, style or picture comes from anywhere else. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
${body}
<script>${{ html: SCRIPT }}</script>
</body>
</html>
`.html;
}

/** Colours have a contrast of at least 4.5 to 1 on their ground, and are never the only sign. */
const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--quiet:#57606a;--rule:#d0d7de;--left:#0550ae;--right:#9a3412;--error:#a40e26;--warning:#7d4e00;--soft:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--quiet:#9198a1;--rule:#3d444d;--left:#79c0ff;--right:#ffa657;--error:#ff8182;--warning:#e3b341;--soft:#161b22}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
main,header{max-width:1100px;margin:0 auto;padding:1rem 1.25rem}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}
.skip{position:absolute;left:-9999px}.skip:focus{left:1rem;top:1rem;background:var(--ground);padding:.5rem;z-index:1}
:focus-visible{outline:3px solid var(--left);outline-offset:2px}
.type,.none,.aside,.count{color:var(--quiet);font-weight:400}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(320px,100%),1fr));gap:1.25rem}
.pair>div{min-width:0;overflow-x:auto}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;padding:.25rem 0}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:break-word}
th[scope=row]{min-width:8rem}td:last-child,th[scope=row]{overflow-wrap:anywhere}
thead th{white-space:nowrap}
td{font-variant-numeric:tabular-nums}
.feature{border-top:1px solid var(--rule);padding:1rem 0}
.feature[hidden]{display:none}
.anomaly{border-left:4px solid;padding:.25rem .75rem;margin:.25rem 0;background:var(--soft);overflow-wrap:anywhere}
.anomaly.error{border-color:var(--error)}.error strong,td.error{color:var(--error)}
.anomaly.warning{border-color:var(--warning)}.warning strong,td.warning{color:var(--warning)}
figure{margin:0 0 1rem}figcaption{overflow-wrap:anywhere}
.chart{width:100%;max-width:520px;height:auto}
.chart text{fill:var(--ink);font-size:11px}
.axis{stroke:var(--rule)}
.chart .left{fill:var(--left);fill-opacity:.45;stroke:none}
.chart .right{fill:none;stroke:var(--right);stroke-width:1.6}
.line{fill:none;stroke:var(--left);stroke-width:2}
.threshold{fill:none;stroke:var(--error);stroke-width:1.5;stroke-dasharray:5 4}
.low{fill:var(--left)}.high{fill:var(--error)}
.key{display:inline-block;width:1.1em;height:.8em;margin-right:.35em;vertical-align:baseline}
.key.left{background:var(--left);opacity:.6}.key.right{border:2px solid var(--right)}
.tools{display:flex;flex-wrap:wrap;gap:.75rem 1.25rem;align-items:end;position:sticky;top:0;background:var(--ground);padding:.5rem 0;border-bottom:1px solid var(--rule)}
.tools label{display:block}
input[type=search]{font:inherit;padding:.35rem .5rem;min-width:16rem;max-width:100%;color:inherit;background:var(--soft);border:1px solid var(--quiet);border-radius:4px}
summary{cursor:pointer;margin-top:.5rem}
@media print{.tools,.skip{display:none}}
`;

/** Without it the page shows all features; it only narrows what is shown. */
const SCRIPT = `
(function(){
var search=document.getElementById("search"),only=document.getElementById("only"),count=document.getElementById("count");
if(!search)return;
var features=[].slice.call(document.querySelectorAll(".feature"));
document.querySelector(".tools").hidden=false;
function apply(){
var wanted=search.value.trim().toLowerCase(),shown=0;
features.forEach(function(feature){
var hit=feature.dataset.name.indexOf(wanted)>=0&&(!only.checked||feature.dataset.anomalous==="yes");
feature.hidden=!hit;if(hit)shown++;
});
count.textContent=shown+" of "+features.length+" features shown";
}
search.addEventListener("input",apply);only.addEventListener("change",apply);
apply();
})();
`;
