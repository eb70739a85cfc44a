/** How loud a stream is, 0 to 1: the square root of the mean power, on a scale of -60 to 0 dB. */
export class Level {
  readonly #analyser: AnalyserNode;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(context: AudioContext, stream: MediaStream) {
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  read(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, each) => sum + each * each, 0) / this.#samples.length;
    return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power || 1e-12)) / 60));
  }

  end(): void {
    this.#source.disconnect();
  }
}
