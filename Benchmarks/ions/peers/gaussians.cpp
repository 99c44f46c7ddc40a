// Profiles of 60 values, a Gaussian with an offset for each, by Ceres with analytic derivatives: the peer of GaussianFits.
//
//   g++ -O3 -march=native -std=c++17 -I/usr/include/eigen3 gaussians.cpp -o gaussians -lceres -lglog;  ./gaussians PROFILES.bin
//
// PROFILES.bin: for each profile the start (centre, width, height, offset) and 60 values, as doubles. Answers 'go' with processor seconds, 'values' with
// four numbers a profile.
#include <ceres/ceres.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

enum { points = 60 };

class Profile final : public ceres::SizedCostFunction<points, 4> {
  public:
    explicit Profile(const double *values) : values(values) {}
    bool Evaluate(double const *const *parameters, double *residuals, double **jacobians) const override {
        const double centre = parameters[0][0], width = parameters[0][1], height = parameters[0][2], offset = parameters[0][3];
        double *slope = jacobians ? jacobians[0] : nullptr;
        for (int n = 0; n < points; n++) {
            double s = (n - centre) / width, bell = std::exp(-0.5 * s * s);
            residuals[n] = offset + height * bell - values[n];
            if (slope) {
                slope[4 * n] = height * bell * s / width, slope[4 * n + 1] = height * bell * s * s / width;
                slope[4 * n + 2] = bell, slope[4 * n + 3] = 1;
            }
        }
        return true;
    }

  private:
    const double *values;
};

struct Case {
    double start[4], values[points];
};

static void fit(const Case &one, double at[4]) {
    std::memcpy(at, one.start, sizeof one.start);
    ceres::Problem::Options owned;
    owned.cost_function_ownership = ceres::DO_NOT_TAKE_OWNERSHIP;
    owned.disable_all_safety_checks = true;
    ceres::Problem problem(owned);
    Profile profile(one.values);
    problem.AddResidualBlock(&profile, nullptr, at);
    ceres::Solver::Options options;
    options.linear_solver_type = ceres::DENSE_NORMAL_CHOLESKY;
    options.logging_type = ceres::SILENT;
    options.num_threads = 1;
    ceres::Solver::Summary summary;
    ceres::Solve(options, &problem, &summary);
}

int main(int count, char **words) {
    std::vector<Case> cases;
    if (FILE *file = count == 2 ? std::fopen(words[1], "rb") : nullptr) {
        Case one;
        while (std::fread(&one, sizeof one, 1, file) == 1) cases.push_back(one);
        std::fclose(file);
    }
    if (cases.empty()) return std::fprintf(stderr, "usage: gaussians PROFILES.bin\n"), 64;
    char line[16];
    while (std::fgets(line, sizeof line, stdin)) {
        bool is_timed = std::strncmp(line, "go", 2) == 0;
        timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        std::string out = "[";
        for (const Case &one : cases) {
            double at[4];
            fit(one, at);
            if (!is_timed) {
                char text[160];
                std::snprintf(text, sizeof text, "%s[%.9g,%.9g,%.9g,%.9g]", out.size() > 1 ? "," : "", at[0], at[1], at[2], at[3]);
                out += text;
            }
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        if (is_timed) std::printf("%.9f\n", to.tv_sec - from.tv_sec + 1e-9 * (to.tv_nsec - from.tv_nsec));
        else std::printf("%s]\n", out.c_str());
        std::fflush(stdout);
    }
}
