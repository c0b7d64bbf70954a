// Fails if a relative link in any Markdown file of the repository leads nowhere: a file that is not
// there, or a heading that the file does not have.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(file));

/** The file without what stands between code fences or backticks. @param {string} text */
function prose(text) {
  return text.replace(/^(```|~~~).*?^\1/gms, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, " "));
}

/** The anchors of a file, made from its headings as Git hosts make them. @param {string} file */
function anchors(file) {
  const seen = new Map();
  const found = new Set();
  const text = readFileSync(file, "utf8").replace(/^(```|~~~).*?^\1/gms, "");
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    found.add(times === 0 ? slug : `${slug}-${times}`);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id);
  return found;
}

/** Why a link leads nowhere; nothing if it does lead somewhere. @param {string} from @param {string} link */
function fault(from, link) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path, anchor] = link.split("#", 2);
  const target = path === "" ? from : normalize(join(dirname(from), decodeURI(path)));
  if (target.startsWith("..")) return "leads out of the repository";
  if (!existsSync(target)) return "no such file";
  if (anchor === undefined || statSync(target).isDirectory() || !target.endsWith(".md")) return undefined;
  return anchors(target).has(decodeURIComponent(anchor)) ? undefined : "no such heading";
}

let broken = 0;
let links = 0;
for (const file of files) {
  const text = prose(readFileSync(file, "utf8"));
  const inline = text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const named = text.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/gm);
  const html = text.matchAll(/(?:href|src)="([^"]+)"/g);
  for (const [, link] of [...inline, ...named, ...html]) {
    links += 1;
    const why = fault(file, link);
    if (why !== undefined) {
      broken += 1;
      console.error(`${file}: ${link}: ${why}`);
    }
  }
}
console.log(`${links} links in ${files.length} files, ${broken} broken`);
process.exitCode = broken === 0 ? 0 : 1;
