// The same task in plain C++: a matched filter over pairs of pixels, and a joint maximum-likelihood fit of each ion with its
// neighbours subtracted, two sweeps. Written as one would at first: loops that the compiler vectorises, no lanes by hand.
//
//   g++ -O3 -march=native -ffast-math -std=c++17 anchor.cpp -o anchor;  ./anchor FRAMES.bin
//
// Answers each line of standard input: 'go' with the processor seconds of one pass over all frames, 'ions' with what was found.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

struct Frame {
    int32_t width, height;
    float offset, gain, read, saturation, excess;
    std::vector<uint16_t> counts;
};

struct Ion {
    double x, y, sigma, square, light;
    double error[5];
};

// An ion's share of light in each column or row, and its derivatives.
struct Profile {
    int first = 0, count = 0;
    float share[96], centre[96], width[96], square[96];
};

static void edges(float place, float &density, float &below) {
    density = 0.39894228f * std::exp(-0.5f * place * place);
    below = 0.5f * std::erfc(-place * 0.70710678f);
}

static void fill(Profile &p, double centre, double sigma, double square, int size, double reach) {
    p.first = std::max(0, std::min(size - 1, int(std::lround(centre - reach))));
    p.count = std::min({size, int(std::lround(centre + reach)) + 1, p.first + 95}) - p.first;
    p.count = std::max(1, p.count);
    double amplitude = std::sqrt(square);
    int phases = square == 0 ? 1 : int(1.1 * amplitude / sigma) + 2;
    float share[97] = {}, slope[97] = {}, turn[97] = {}, bend[97] = {};
    for (int k = 0; k < phases; k++) {
        float cosine = square == 0 ? 0 : std::cos((k + 0.5) * M_PI / (2 * phases)), sine = 1 - cosine * cosine;
        for (int sign = -1; sign <= 1; sign += 2)
            for (int n = 0; n <= p.count; n++) {
                float u = (p.first + n - 0.5f - float(centre) + sign * float(amplitude) * cosine) / float(sigma), density, below;
                edges(u, density, below);
                share[n] += below, slope[n] += density, turn[n] += u * density, bend[n] += u * density * sine;
            }
    }
    float mean = 0.5f / phases, inverse = 1 / float(sigma);
    for (int n = 0; n < p.count; n++) {
        p.share[n] = mean * (share[n + 1] - share[n]);
        p.centre[n] = -mean * inverse * (slope[n + 1] - slope[n]);
        p.width[n] = -mean * inverse * (turn[n + 1] - turn[n]);
        p.square[n] = -0.5f * mean * inverse * inverse * (bend[n + 1] - bend[n]);
    }
}

static bool solve(double a[5][5], double b[5], double inverse[5]) {
    double l[5][5] = {};
    for (int j = 0; j < 5; j++) {
        double pivot = a[j][j];
        for (int k = 0; k < j; k++) pivot -= l[j][k] * l[j][k];
        if (!(pivot > 1e-12 * a[j][j])) return false;
        l[j][j] = std::sqrt(pivot);
        for (int i = j + 1; i < 5; i++) {
            double value = a[i][j];
            for (int k = 0; k < j; k++) value -= l[i][k] * l[j][k];
            l[i][j] = value / l[j][j];
        }
    }
    auto back = [&](double x[5]) {
        for (int i = 0; i < 5; i++) {
            for (int k = 0; k < i; k++) x[i] -= l[i][k] * x[k];
            x[i] /= l[i][i];
        }
        for (int i = 4; i >= 0; i--) {
            for (int k = i + 1; k < 5; k++) x[i] -= l[k][i] * x[k];
            x[i] /= l[i][i];
        }
    };
    back(b);
    for (int n = 0; n < 5; n++) {
        double unit[5] = {};
        unit[n] = 1;
        back(unit);
        inverse[n] = unit[n];
    }
    return true;
}

class Fitter {
  public:
    std::vector<Ion> ions;

    void fit(const Frame &frame) {
        width = frame.width, height = frame.height;
        float unit = 1 / (frame.gain * frame.excess);
        noise = (frame.read * frame.read + 1.0f / 12) * unit * unit;
        ceiling = (frame.saturation - 0.5f - frame.offset) * unit;
        size_t size = size_t(width) * height;
        photons.resize(size), model.resize(size);
        for (size_t n = 0; n < size; n++) photons[n] = (frame.counts[n] - frame.offset) * unit;
        ions.clear();
        background();
        find(true);
        for (int sweep = 0; sweep < 2; sweep++) {
            refine(sweep == 0 ? 6 : 4);
            level();
            if (sweep == 0) find(false);
        }
        refine(4);
        prune();
        for (Ion &ion : ions) ion.light *= frame.excess;
    }

  private:
    int width = 0, height = 0;
    float noise = 0, ceiling = 0, plane = 0, across = 0, along = 0;
    std::vector<float> photons, model, difference, weight, crossed, response, sample;
    Profile px, py;

    void background() {
        sample.clear();
        for (size_t n = 0; n < photons.size(); n += std::max<size_t>(1, photons.size() / 1024)) sample.push_back(photons[n]);
        std::nth_element(sample.begin(), sample.begin() + sample.size() / 2, sample.end());
        float middle = std::max(0.0f, sample[sample.size() / 2]), total = 0, count = 0;
        float reach = 3 * std::sqrt(middle + 1 + noise);
        for (float value : sample)
            if (std::fabs(value - middle) <= reach) total += value, count++;
        plane = std::max(0.0f, total / std::max(1.0f, count)), across = along = 0;
        draw();
        plane_step(std::max(plane, 0.0f) + 3.5f * std::sqrt(plane + noise) + 1);
    }

    void draw() {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                model[size_t(y) * width + x] = plane + across * (x - 0.5f * (width - 1)) + along * (y - 0.5f * (height - 1));
        for (Ion &ion : ions) add(ion, 1);
    }

    void plane_step(float most) {
        double m[3][3] = {}, g[3] = {};
        for (int y = 0; y < height; y += 4) {
            float w = 0, wx = 0, wxx = 0, p = 0, q = 0;
            for (int x = 0; x < width; x++) {
                float expected = model[size_t(y) * width + x], measured = photons[size_t(y) * width + x];
                float one = measured < most ? 1 / std::max(expected + noise, 1e-3f) : 0, place = x - 0.5f * (width - 1);
                float pull = one * (measured - expected);
                w += one, wx += one * place, wxx += one * place * place, p += pull, q += pull * place;
            }
            double v = y - 0.5 * (height - 1);
            m[0][0] += w, m[0][1] += wx, m[0][2] += w * v, m[1][1] += wxx, m[1][2] += wx * v, m[2][2] += w * v * v;
            g[0] += p, g[1] += q, g[2] += p * v;
        }
        double a = m[0][0], b = m[0][1], c = m[0][2], d = m[1][1], e = m[1][2], f = m[2][2];
        double all = a * (d * f - e * e) - b * (b * f - e * c) + c * (b * e - d * c);
        if (!(all > 1e-9 * a * d * f)) return;
        plane += (g[0] * (d * f - e * e) - b * (g[1] * f - e * g[2]) + c * (g[1] * e - d * g[2])) / all;
        across += (a * (g[1] * f - e * g[2]) - g[0] * (b * f - e * c) + c * (b * g[2] - g[1] * c)) / all;
        along += (a * (d * g[2] - g[1] * e) - b * (b * g[2] - g[1] * c) + g[0] * (b * e - d * c)) / all;
        draw();
    }

    void level() { plane_step(ceiling); }

    struct Peak {
        float height;
        int x, y;
    };
    struct Template {
        float sigma, amplitude, square = 0;
        std::vector<float> across, along;
        Template(float s, float r) : sigma(s), amplitude(r) {
            across = taps(s / 2, 0), along = taps(s / 2, r / 2);
            float a = 0, b = 0;
            for (float t : across) a += t * t;
            for (float t : along) b += t * t;
            square = a * b;
        }
        static std::vector<float> taps(float sigma, float amplitude) {
            int reach = int(std::ceil(2.8 * sigma + amplitude));
            Profile p;
            fill(p, reach, sigma, amplitude * amplitude, 2 * reach + 1, reach);
            return {p.share, p.share + 2 * reach + 1};
        }
        float overlap(int dx, int dy) const { return one(across, std::abs(dx)) * one(along, std::abs(dy)); }
        static float one(const std::vector<float> &taps, int lag) {
            float with = 0, own = 0;
            for (size_t n = 0; n < taps.size(); n++) {
                own += taps[n] * taps[n];
                if (n + lag < taps.size()) with += taps[n] * taps[n + lag];
            }
            return with / own;
        }
    };
    std::vector<Template> bank{{1.9f, 0}, {1.9f, 4.5f}, {1.9f, 9}, {2.7f, 0}, {2.7f, 4.5f}, {2.7f, 9}, {3.8f, 0}, {3.8f, 4.5f}, {3.8f, 9}};
    size_t chosen = 0;

    void filter(const Template &t, int wide, int high) {
        int a = int(t.across.size()) / 2, b = int(t.along.size()) / 2;
        std::fill(crossed.begin(), crossed.end(), 0.0f);
        for (int y = 0; y < high; y++)
            for (int tap = -a; tap <= a; tap++) {
                int from = std::max(0, -tap), to = std::min(wide, wide - tap);
                float *out = &crossed[size_t(y) * wide];
                const float *in = &difference[size_t(y) * wide], factor = t.across[tap + a];
                for (int x = from; x < to; x++) out[x] += factor * in[x + tap];
            }
        std::fill(response.begin(), response.end(), 0.0f);
        for (int y = 0; y < high; y++)
            for (int tap = std::max(-b, -y); tap <= std::min(b, high - 1 - y); tap++) {
                float *out = &response[size_t(y) * wide];
                const float *in = &crossed[size_t(y + tap) * wide], factor = t.along[tap + b];
                for (int x = 0; x < wide; x++) out[x] += factor * in[x];
            }
        for (size_t n = 0; n < response.size(); n++) response[n] /= std::sqrt(std::max(weight[n] * t.square, 1e-20f));
    }

    std::vector<Peak> peaks_of(const Template &t, int wide, int high) {
        std::vector<Peak> peaks, taken;
        for (int y = 1; y < high - 1; y++)
            for (int x = 1; x < wide - 1; x++) {
                const float *r = &response[size_t(y) * wide + x];
                if (r[0] > 5 && r[0] > r[-1] && r[0] >= r[1] && r[0] > r[-wide] && r[0] >= r[wide] && r[0] > r[-wide - 1] &&
                    r[0] > r[1 - wide] && r[0] >= r[wide - 1] && r[0] >= r[wide + 1])
                    peaks.push_back({r[0], x, y});
            }
        std::sort(peaks.begin(), peaks.end(), [](const Peak &p, const Peak &q) { return p.height > q.height; });
        for (const Peak &peak : peaks) {
            float rest = peak.height;
            for (const Peak &known : taken) rest -= known.height * t.overlap(peak.x - known.x, peak.y - known.y);
            if (rest > 5 && rest > 0.4f * peak.height && taken.size() < 64) taken.push_back(peak);
        }
        return taken;
    }

    void find(bool first) {
        int wide = width / 2, high = height / 2;
        size_t size = size_t(wide) * high;
        difference.resize(size), weight.resize(size), crossed.resize(size), response.resize(size);
        for (int y = 0; y < high; y++)
            for (int x = 0; x < wide; x++) {
                size_t at = size_t(2 * y) * width + 2 * x;
                float light = model[at] + model[at + 1] + model[at + width] + model[at + width + 1];
                float counted = photons[at] + photons[at + 1] + photons[at + width] + photons[at + width + 1];
                float one = 1 / std::max(light + 4 * noise, 4e-3f);
                difference[size_t(y) * wide + x] = (counted - light) * one, weight[size_t(y) * wide + x] = one;
            }
        std::vector<Peak> best;
        float explained = 0;
        for (size_t n = first ? 0 : chosen; n < (first ? bank.size() : chosen + 1); n++) {
            filter(bank[n], wide, high);
            std::vector<Peak> peaks = peaks_of(bank[n], wide, high);
            float total = 0;
            for (const Peak &peak : peaks) total += peak.height * peak.height;
            if (total > explained) explained = total, best = peaks, chosen = n;
        }
        const Template &t = bank[chosen];
        for (const Peak &peak : best) {
            float information = std::sqrt(std::max(weight[size_t(peak.y) * wide + peak.x] * t.square, 1e-20f));
            double square = std::max(double(t.amplitude * t.amplitude), 0.25 * t.sigma * t.sigma);
            Ion ion{2.0 * peak.x + 0.5, 2.0 * peak.y + 0.5, t.sigma, square, peak.height / information, {}};
            bool is_new = true;
            for (const Ion &known : ions)
                if (std::fabs(known.x - ion.x) < 3 * known.sigma &&
                    std::fabs(known.y - ion.y) < 3 * known.sigma + std::sqrt(known.square) && ion.light < 0.1 * known.light)
                    is_new = false;
            if (is_new && ions.size() < 64) ions.push_back(ion), add(ion, 1);
        }
    }

    void profiles(const Ion &ion) {
        fill(px, ion.x, ion.sigma, 0, width, 3.6 * ion.sigma + 1);
        fill(py, ion.y, ion.sigma, ion.square, height, 3.6 * ion.sigma + 1 + std::sqrt(ion.square));
    }

    void add(const Ion &ion, float sign) {
        profiles(ion);
        for (int y = 0; y < py.count; y++) {
            float *out = &model[size_t(py.first + y) * width + px.first], factor = sign * float(ion.light) * py.share[y];
            for (int x = 0; x < px.count; x++) out[x] += factor * px.share[x];
        }
    }

    void refine(int rounds) {
        for (Ion &ion : ions) {
            add(ion, -1);
            for (int round = 0; round < rounds && move(ion); round++) {}
            add(ion, 1);
        }
    }

    // One step of Fisher scoring; false when it was small.
    bool move(Ion &ion) {
        profiles(ion);
        float light = float(ion.light);
        double f[5][5] = {}, g[5] = {};
        for (int y = 0; y < py.count; y++) {
            const float *measured = &photons[size_t(py.first + y) * width + px.first];
            const float *without = &model[size_t(py.first + y) * width + px.first];
            float cells[15] = {}, pulls[5] = {}, share = py.share[y], centre = py.centre[y], width_ = py.width[y], square = py.square[y];
            for (int x = 0; x < px.count; x++) {
                float expected = without[x] + light * px.share[x] * share;
                float one = measured[x] < ceiling ? 1 / std::max(expected + noise, 1e-3f) : 0, rest = (measured[x] - expected) * one;
                float d[5] = {light * px.centre[x] * share, light * px.share[x] * centre,
                              light * (px.width[x] * share + px.share[x] * width_), light * px.share[x] * square, px.share[x] * share};
                for (int i = 0, n = 0; i < 5; i++) {
                    pulls[i] += d[i] * rest;
                    for (int j = 0; j <= i; j++) cells[n++] += one * d[i] * d[j];
                }
            }
            for (int i = 0, n = 0; i < 5; i++) {
                g[i] += pulls[i];
                for (int j = 0; j <= i; j++) f[i][j] += cells[n++];
            }
        }
        f[3][3] += 1e-9;
        double information[5], variance[5];
        for (int n = 0; n < 5; n++) information[n] = f[n][n], f[n][n] *= 1 + 1e-6;
        if (!solve(f, g, variance)) return false;
        Ion before = ion;
        double reach = 0.7 * ion.sigma, high = reach + 0.3 * std::sqrt(ion.square), bend = std::max(0.5 * ion.square, ion.sigma * ion.sigma);
        auto limit = [](double value, double most) { return std::min(most, std::max(-most, value)); };
        ion.x = std::min(width - 0.5, std::max(-0.5, ion.x + limit(g[0], reach)));
        ion.y = std::min(height - 0.5, std::max(-0.5, ion.y + limit(g[1], high)));
        ion.sigma = std::min(6.0, std::max(1.0, ion.sigma * std::min(1.3, std::max(0.75, 1 + g[2] / ion.sigma))));
        ion.square = std::min(196.0, std::max(0.0, ion.square + limit(g[3], bend)));
        ion.light = std::max(1e-3, ion.light * std::min(2.0, std::max(0.5, 1 + g[4] / ion.light)));
        for (int n = 0; n < 5; n++) ion.error[n] = std::sqrt(variance[n]);
        double moves[5] = {ion.x - before.x, ion.y - before.y, ion.sigma - before.sigma, ion.square - before.square, ion.light - before.light};
        double most = 0;
        for (int n = 0; n < 5; n++) most = std::max(most, moves[n] * moves[n] * information[n]);
        return most > 0.02 * 0.02;
    }

    void prune() {
        for (size_t n = 0; n < ions.size();) {
            bool is_ion = ions[n].light >= 5 * ions[n].error[4];
            for (size_t m = 0; m < ions.size(); m++)
                if (m != n && std::hypot(ions[n].x - ions[m].x, ions[n].y - ions[m].y) < ions[n].sigma && ions[n].light <= ions[m].light)
                    is_ion = false;
            if (is_ion)
                n++;
            else
                ions.erase(ions.begin() + n);
        }
    }
};

static std::vector<Frame> read_frames(const char *path) {
    std::vector<Frame> frames;
    FILE *file = std::fopen(path, "rb");
    if (!file) return frames;
    Frame frame;
    while (std::fread(&frame.width, 4, 7, file) == 7) {
        if (frame.width < 1 || frame.height < 1 || frame.width > 16384 || frame.height > 16384) break;
        frame.counts.resize(size_t(frame.width) * frame.height);
        if (std::fread(frame.counts.data(), 2, frame.counts.size(), file) != frame.counts.size()) break;
        frames.push_back(frame);
    }
    std::fclose(file);
    return frames;
}

static double processor_seconds() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

#ifndef ANCHOR_LIBRARY
int main(int count, char **words) {
    std::vector<Frame> frames = count == 2 ? read_frames(words[1]) : std::vector<Frame>{};
    if (frames.empty()) return std::fprintf(stderr, "usage: anchor FRAMES.bin\n"), 64;
    Fitter fitter;
    char line[16];
    while (std::fgets(line, sizeof line, stdin)) {
        if (std::strncmp(line, "go", 2) == 0) {
            double start = processor_seconds();
            for (const Frame &frame : frames) fitter.fit(frame);
            std::printf("%.9f\n", processor_seconds() - start);
        } else {
            std::string out = "[";
            for (const Frame &frame : frames) {
                fitter.fit(frame);
                out += out.size() > 1 ? ",[" : "[";
                for (const Ion &ion : fitter.ions) {
                    char text[200];
                    std::snprintf(text, sizeof text, "%s[%.6g,%.6g,%.6g,%.6g,%.6g]", out.back() == '[' ? "" : ",", ion.x, ion.y, ion.sigma,
                                  std::sqrt(ion.square), ion.light);
                    out += text;
                }
                out += "]";
            }
            std::printf("%s]\n", out.c_str());
        }
        std::fflush(stdout);
    }
}
#endif
