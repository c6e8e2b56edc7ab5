// What can be known of a clip before a byte leaves.

/** @typedef {{duration: number, width: number, height: number, video: HTMLVideoElement}} Clip */

/**
 * Waits for an event, but not for ever.
 * @param {EventTarget} target
 * @param {string} name
 * @param {number} most milliseconds
 * @returns {Promise<boolean>} whether it came
 */
export function heard(target, name, most) {
	return new Promise(done => {
		const end = (/** @type {boolean} */ came) => {
			clearTimeout(timer);
			target.removeEventListener(name, yes);
			done(came);
		};
		const yes = () => end(true);
		const timer = setTimeout(() => end(false), most);
		target.addEventListener(name, yes);
	});
}

/**
 * Opens a file in a player. It returns null if this browser cannot show it: then the server looks at it.
 * @param {HTMLVideoElement} video
 * @param {File} file
 * @returns {Promise<Clip | null>}
 */
export async function open(video, file) {
	if (video.src) URL.revokeObjectURL(video.src);
	video.muted = video.playsInline = true;
	video.preload = "auto";
	const failed = heard(video, "error", 8000).then(() => false);
	const known = heard(video, "loadedmetadata", 8000);
	video.src = URL.createObjectURL(file);
	if (!await Promise.race([known, failed]) || !video.videoWidth) return null;
	if (video.duration === Infinity) { // what browsers record says its length at its end
		const told = heard(video, "durationchange", 3000);
		video.currentTime = 1e7;
		await told;
		video.currentTime = 0;
	}
	if (!Number.isFinite(video.duration) || video.duration <= 0) return null;
	return {duration: video.duration, width: video.videoWidth, height: video.videoHeight, video};
}

/**
 * Shows the picture at a moment. The frame may come a little after the player says that it is there, or never.
 * @param {HTMLVideoElement} video
 * @param {number} at seconds
 */
export async function seek(video, at) {
	/** @type {Promise<unknown>} */
	const frame = "requestVideoFrameCallback" in video
		? new Promise(done => { video.requestVideoFrameCallback(done); }) : Promise.resolve();
	const there = heard(video, "seeked", 2000);
	video.currentTime = at;
	await there;
	await Promise.race([frame, new Promise(done => setTimeout(done, 250))]);
}

/**
 * Draws what the player shows as large as it fits into a canvas, as it will be published.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} canvas
 */
export function draw(video, canvas) {
	const scale = Math.min(canvas.width / video.videoWidth, canvas.height / video.videoHeight);
	const width = video.videoWidth * scale, height = video.videoHeight * scale;
	const context = canvas.getContext("2d");
	context?.fillRect(0, 0, canvas.width, canvas.height);
	context?.drawImage(video, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}
