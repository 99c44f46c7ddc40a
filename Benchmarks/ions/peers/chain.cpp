// The chain of a labelled frame in C++ and OpenCV, up to its JPEG: the anchor's fit, the frame as grey of 8 bit in three channels, and ten
// ions drawn, each with a box and four lines of text on a shadow.
//
//   g++ -O3 -march=native -ffast-math -std=c++17 -I/usr/include/opencv4 chain.cpp -o chain -lopencv_core -lopencv_imgproc
#define ANCHOR_LIBRARY
#include "anchor.cpp"

#include <opencv2/imgproc.hpp>

static void write_line(cv::Mat &canvas, const char *text, int x, int y) {
    cv::putText(canvas, text, {x + 1, y + 1}, cv::FONT_HERSHEY_SIMPLEX, 0.35, {0, 0, 0});
    cv::putText(canvas, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, 0.35, {0, 255, 0});
}

static void draw(cv::Mat &canvas, const Ion &ion, int number) {
    int x = int(std::lround(ion.x)), y = int(std::lround(ion.y)), wide = std::max(2, int(std::lround(2.5 * ion.sigma)));
    int high = wide + int(std::lround(std::sqrt(ion.square)));
    cv::rectangle(canvas, {x - wide, y - high}, {x + wide, y + high}, {0, 255, 0});
    char text[64];
    std::snprintf(text, sizeof text, "#%d", number);
    write_line(canvas, text, x + wide + 3, y - high + 7);
    std::snprintf(text, sizeof text, "%.1f,%.1f", ion.x, ion.y);
    write_line(canvas, text, x + wide + 3, y - high + 16);
    std::snprintf(text, sizeof text, "s%.1f", ion.sigma);
    write_line(canvas, text, x + wide + 3, y - high + 25);
    std::snprintf(text, sizeof text, "R%.1f", std::sqrt(ion.square));
    write_line(canvas, text, x + wide + 3, y - high + 34);
}

int main(int count, char **words) {
    std::vector<Frame> frames = count == 2 ? read_frames(words[1]) : std::vector<Frame>{};
    if (frames.empty()) return std::fprintf(stderr, "usage: chain FRAMES.bin\n"), 64;
    cv::setNumThreads(1);
    Fitter fitter;
    cv::Mat grey, canvas;
    char line[16];
    while (std::fgets(line, sizeof line, stdin)) {
        double start = processor_seconds();
        for (Frame &frame : frames) {
            fitter.fit(frame);
            cv::Mat counts(frame.height, frame.width, CV_16U, frame.counts.data());
            double least, most;
            cv::minMaxLoc(counts, &least, &most);
            double scale = 255 / std::max(1.0, most - least);
            counts.convertTo(grey, CV_8U, scale, -least * scale);
            cv::cvtColor(grey, canvas, cv::COLOR_GRAY2BGR);
            for (int n = 0; n < 10 && !fitter.ions.empty(); n++) draw(canvas, fitter.ions[size_t(n) % fitter.ions.size()], n + 1);
        }
        std::printf("%.9f\n", processor_seconds() - start);
        std::fflush(stdout);
    }
}
