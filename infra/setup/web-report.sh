#!/usr/bin/env bash
# Has Lighthouse load pages of a demonstration as a cheap phone on slow 4G does (it simulates both), and prints what it
# measured. Whole reports go to .cache/web-report. It is a report, not a test: times depend on the machine. The goals
# are LCP 1.5 s, CLS 0 and 100 ms of blocking.
#
# With a TARGET=https://contest.example it loads that site's pages instead; PAGES='/ /ranking' are other pages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

reports=$PWD/.cache/web-report
rm -rf "$reports"
mkdir -p "$reports"

site=${TARGET-}
if [[ -z $site ]]; then
	room=$(mktemp -d)
	DATA_DIR=$room/data HTTP_ADDR=127.0.0.1:0 LOG_FORMAT=json ./bin/app demo >"$room/out" 2>"$room/log" &
	app=$!
	trap 'kill "$app" 2>/dev/null && wait "$app" || true; rm -rf "$room"' EXIT
	echo "the demonstration records and publishes its clips, which takes some minutes"
	until grep -q 'the demonstration is complete' "$room/log" "$room/out"; do
		kill -0 "$app" 2>/dev/null || { cat "$room/log" >&2; exit 1; }
		sleep 1
	done
	site=$(grep -ho 'http://127.0.0.1:[0-9]*' "$room/out" "$room/log" | head -1)
fi

video=$(curl -fsS "$site/" | grep -o 'href="/v/[0-9a-f-]*"' | head -1 | cut -d'"' -f2)
read -ra pages <<<"${PAGES-/ $video /watch /ranking /login /signup}"
CHROME_PATH=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
export CHROME_PATH
for page in "${pages[@]}"; do
	name=${page//\//-}
	.cache/lighthouse/node_modules/.bin/lighthouse "$site$page" --quiet --chrome-flags='--headless=new --no-sandbox' \
		--only-categories=performance,accessibility,best-practices --output=json --output=html \
		--output-path="$reports/page$name"
done
node - "$reports" "$site" <<'SCRIPT'
const fs = require("fs"), [, , folder, site] = process.argv;
console.log("LCP s   CLS     blocking ms   bytes   requests   speed/access/practice   page");
for (const file of fs.readdirSync(folder).filter(name => name.endsWith(".json")).sort()) {
	const {audits, categories, finalDisplayedUrl} = JSON.parse(fs.readFileSync(`${folder}/${file}`, "utf8"));
	const value = name => audits[name]?.numericValue ?? NaN;
	const requests = audits["network-requests"]?.details?.items?.length ?? NaN;
	const scores = Object.values(categories).map(category => Math.round(100 * category.score)).join("/");
	console.log([
		(value("largest-contentful-paint") / 1000).toFixed(2).padEnd(8), value("cumulative-layout-shift").toFixed(3).padEnd(8),
		value("total-blocking-time").toFixed(0).padEnd(14), String(value("total-byte-weight")).padEnd(8),
		String(requests).padEnd(11), scores.padEnd(24), finalDisplayedUrl.replace(site, ""),
	].join(""));
}
SCRIPT
echo "whole reports: .cache/web-report"
