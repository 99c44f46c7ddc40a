// The chain of a labelled frame in C++ and OpenCV: the anchor's fit, the frame as grey of 8 bit in three channels, and ten ions drawn,
// each with a box and four lines of text on a shadow. With a folder, the counts come from its files 0.png, 1.png, …, and the labelled
// frames go beside them as 0.jpg, 1.jpg, …; OpenCV 4.6 cannot keep all of the colour, so libjpeg-turbo is called for that.
//
//   g++ -O3 -march=native -ffast-math -std=c++17 -I/usr/include/opencv4 chain.cpp -o chain -lopencv_core -lopencv_imgproc
//       -lopencv_imgcodecs -lturbojpeg
#define ANCHOR_LIBRARY
#include "anchor.cpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <turbojpeg.h>

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

static bool read_counts(Frame &frame, const std::string &path) {
    cv::Mat counts = cv::imread(path, cv::IMREAD_UNCHANGED);
    if (counts.type() != CV_16U || counts.cols != frame.width || counts.rows != frame.height || !counts.isContinuous()) return false;
    std::memcpy(frame.counts.data(), counts.data, 2 * frame.counts.size());
    return true;
}

static bool write_picture(tjhandle encoder, const cv::Mat &canvas, const std::string &path) {
    static unsigned char *bytes = nullptr;
    static unsigned long count = 0;
    if (tjCompress2(encoder, canvas.data, canvas.cols, int(canvas.step), canvas.rows, TJPF_BGR, &bytes, &count, TJSAMP_444, 85, 0)) return false;
    FILE *file = std::fopen(path.c_str(), "wb");
    if (!file) return false;
    bool isWhole = std::fwrite(bytes, 1, count, file) == count;
    return std::fclose(file) == 0 && isWhole;
}

int main(int count, char **words) {
    std::vector<Frame> frames = count == 2 || count == 3 ? read_frames(words[1]) : std::vector<Frame>{};
    if (frames.empty()) return std::fprintf(stderr, "usage: chain FRAMES.bin [FOLDER]\n"), 64;
    cv::setNumThreads(1);
    Fitter fitter;
    cv::Mat grey, canvas;
    tjhandle encoder = tjInitCompress();
    char line[16];
    while (std::fgets(line, sizeof line, stdin)) {
        double start = processor_seconds();
        for (Frame &frame : frames) {
            std::string name = count == 3 ? words[2] + ("/" + std::to_string(&frame - frames.data())) : "";
            if (count == 3 && !read_counts(frame, name + ".png")) return std::perror(name.c_str()), 1;
            fitter.fit(frame);
            cv::Mat counts(frame.height, frame.width, CV_16U, frame.counts.data());
            double least, most;
            cv::minMaxLoc(counts, &least, &most);
            double scale = 255 / std::max(1.0, most - least);
            counts.convertTo(grey, CV_8U, scale, -least * scale);
            cv::cvtColor(grey, canvas, cv::COLOR_GRAY2BGR);
            for (int n = 0; n < 10 && !fitter.ions.empty(); n++) draw(canvas, fitter.ions[size_t(n) % fitter.ions.size()], n + 1);
            if (count == 3 && !write_picture(encoder, canvas, name + ".jpg")) return std::perror(name.c_str()), 1;
        }
        std::printf("%.9f\n", processor_seconds() - start);
        std::fflush(stdout);
    }
}
